// A client of API v2 whose every answer is checked against the schemas.
import { request } from 'node:http';
import type { z } from 'zod';
import {
  v2Asset,
  v2Error,
  v2Job,
  v2JobList,
  v2Output,
  v2PreviewEvent,
  v2Progress,
  v2StatusEvent,
  v2Workflow,
} from '../../../../schemas/api-v2.ts';
import type { Json } from '../../../helpers/server.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

const EVENTS: Readonly<Record<string, z.ZodType>> = {
  status: v2StatusEvent,
  progress: v2Progress,
  preview: v2PreviewEvent,
  output: v2Output,
};

/** Exactly what the schema says: no key is missing, none is too many. */
function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.parse(value);
  expect(value).toEqual(parsed);
  return parsed;
}

/** Which schema an answer has. */
function schemaOf(method: string, path: string, status: number): z.ZodType | undefined {
  if (status >= 400) return method === 'HEAD' ? undefined : v2Error;
  if (path.includes('/content') || status === 204 || method === 'HEAD') return undefined;
  if (path.includes('/assets')) return v2Asset;
  if (path.endsWith('/workflow')) return v2Workflow;
  return method === 'GET' && /\/jobs(?:\?|$)/.test(path) ? v2JobList : v2Job;
}

export interface SseEvent {
  readonly event: string;
  readonly data: Json;
}

export interface Stream {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  /** The next event; undefined at the end. */
  next(): Promise<SseEvent | undefined>;
  /** All that come, to the end. */
  rest(): Promise<SseEvent[]>;
  /** Comments so far. */
  readonly comments: readonly string[];
  /** Stops reading, so that what comes piles up at the sender. */
  pause(): void;
  resume(): void;
  close(): void;
}

export function apiV2(url: string, headers: Record<string, string> = {}) {
  const base = `${url}/api/v2`;

  async function send(method: string, path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(base + path, { method, ...init, headers: { ...headers, ...init.headers } });
    const text = await response.text();
    const schema = schemaOf(method, path, response.status);
    const body = schema ? check(schema, JSON.parse(text)) : text;
    return { status: response.status, headers: response.headers, body };
  }
  const sendJson = (path: string, body: unknown, more: Record<string, string> = {}) =>
    send('POST', path, { body: typeof body === 'string' ? body : JSON.stringify(body), headers: more });

  async function ended(id: string): Promise<Json> {
    for (;;) {
      const { body } = await send('GET', `/jobs/${id}`);
      if (!['queued', 'running', 'canceling'].includes(body.status)) return body;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Waits until the job has this status. */
  async function until(id: string, status: string): Promise<Json> {
    for (;;) {
      const { body } = await send('GET', `/jobs/${id}`);
      if (body.status === status) return body;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  return {
    send,
    get: (path: string, more?: Record<string, string>) => send('GET', path, { headers: more }),
    post: sendJson,
    submit: (workflow: object, key?: string) =>
      sendJson('/jobs', { workflow }, key === undefined ? {} : { 'idempotency-key': key }),
    upload(bytes: Uint8Array<ArrayBuffer>, fields: Record<string, string> = {}, key?: string): Promise<Answer> {
      const form = new FormData();
      const all = { content_type: 'image/png', file_path: 'photo.png', ...fields };
      for (const [name, value] of Object.entries(all)) if (value !== '') form.append(name, value);
      form.append('file', new Blob([bytes]), 'photo.png');
      return send('POST', '/assets', { body: form, headers: key === undefined ? {} : { 'idempotency-key': key } });
    },
    ended,
    until,
    events: (path: string) => openStream(base + path, headers),
  };
}

/** Opens a stream of events; each is checked against its schema. */
function openStream(url: string, headers: Record<string, string>): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { headers: { accept: 'text/event-stream', ...headers } }, (response) => {
      const waiting: SseEvent[] = [];
      const comments: string[] = [];
      let text = '';
      let isOver = false;
      let look = () => {};
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        const frames = (text + piece).split('\n\n');
        text = frames.pop() ?? '';
        for (const frame of frames) {
          if (frame.startsWith(':')) comments.push(frame);
          else waiting.push(parseEvent(frame));
        }
        look();
      });
      response.on('error', () => {});
      response.on('close', () => {
        isOver = true;
        look();
      });
      const next = async () => {
        while (waiting.length === 0 && !isOver) {
          await new Promise<void>((wake) => {
            look = wake;
          });
        }
        return waiting.shift();
      };
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        next,
        async rest() {
          const all: SseEvent[] = [];
          for (let event = await next(); event; event = await next()) all.push(event);
          return all;
        },
        comments,
        pause: () => void response.pause(),
        resume: () => void response.resume(),
        close: () => void outgoing.destroy(),
      });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

function parseEvent(frame: string): SseEvent {
  const match = /^event: (\w+)\ndata: (.*)$/.exec(frame);
  if (!match) throw new Error(`no event: ${frame}`);
  return { event: match[1], data: check(EVENTS[match[1]], JSON.parse(match[2])) };
}

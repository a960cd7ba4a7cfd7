// A client of a node server: uploads, one prompt from its POST to its history, pictures. Everything goes over HTTP and ws.
import { on, once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { WebSocket } from 'ws';
import { InputError } from '../engine/errors.ts';
import type { FileRef } from '../nodes/node-context.ts';
import type { ExecutionEvent } from '../schemas/events.ts';
import type { HistoryEntry } from '../schemas/history.ts';
import type { ApiGraph } from '../schemas/prompt.ts';
import { stringifyJson } from '../server/json.ts';

export interface ProtocolClient {
  /** Puts a picture into the server's input folder and returns its name there. */
  upload(file: string): Promise<string>;
  /** Runs a graph to its end; `signal` interrupts it. Throws GRAPH_INVALID, GRAPH_FAILED, or an AbortError. */
  run(graph: ApiGraph, onEvent: (event: ExecutionEvent) => void, signal: AbortSignal): Promise<HistoryEntry>;
  /** The bytes of a picture that a prompt saved. */
  view(picture: FileRef): Promise<Buffer>;
  close(): void;
}

const TEXT_FRAME = 3;

/** Opens the socket; `url` as `http://127.0.0.1:8188`. */
export async function connect(url: string): Promise<ProtocolClient> {
  const clientId = crypto.randomUUID();
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/ws?clientId=${clientId}`);
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'feature_flags', data: {} })); // otherwise no text of nodes is sent

  async function request(path: string, body?: FormData | object): Promise<Response> {
    if (body === undefined) return fetch(url + path);
    if (body instanceof FormData) return fetch(url + path, { method: 'POST', body });
    const headers = { 'content-type': 'application/json' };
    return fetch(url + path, { method: 'POST', body: stringifyJson(body), headers });
  }

  async function upload(file: string): Promise<string> {
    const form = new FormData();
    form.set('image', new Blob([new Uint8Array(await readFile(file))]), basename(file));
    const response = await request('/upload/image', form);
    const answer = (await response.json()) as { name: string; subfolder: string; error?: { message: string } };
    if (!response.ok)
      throw new InputError(
        'IMAGE_UNREADABLE',
        `The server refuses ${file}: ${answer.error?.message ?? response.status}.`,
      );
    return answer.subfolder ? `${answer.subfolder}/${answer.name}` : answer.name;
  }

  async function run(
    graph: ApiGraph,
    onEvent: (event: ExecutionEvent) => void,
    signal: AbortSignal,
  ): Promise<HistoryEntry> {
    signal.throwIfAborted();
    const messages = on(socket, 'message', { close: ['close'] }); // from now on, so that none is missed
    const response = await request('/prompt', { prompt: graph, client_id: clientId });
    const answer = (await response.json()) as { prompt_id: string };
    if (!response.ok) throw new InputError('GRAPH_INVALID', `The server refuses the graph: ${JSON.stringify(answer)}`);
    const promptId = answer.prompt_id;
    const interrupt = () => void request('/interrupt', { prompt_id: promptId }).catch(() => {});
    signal.addEventListener('abort', interrupt);
    if (signal.aborted) interrupt();
    try {
      await follow(messages, promptId, onEvent);
    } finally {
      signal.removeEventListener('abort', interrupt);
    }
    const history = (await (await request(`/history/${promptId}`)).json()) as Record<string, HistoryEntry>;
    return requireSuccess(history[promptId]);
  }

  async function view({ filename, subfolder, type }: FileRef): Promise<Buffer> {
    const response = await request(`/view?${new URLSearchParams({ filename, subfolder, type })}`);
    if (!response.ok) throw new InputError('FILE_NOT_FOUND', `The server has no picture ${filename}.`);
    return Buffer.from(await response.arrayBuffer());
  }

  return { upload, run, view, close: () => socket.close() };
}

/** Passes on the server's events until the prompt is over. */
async function follow(
  messages: AsyncIterable<unknown[]>,
  promptId: string,
  onEvent: (event: ExecutionEvent) => void,
): Promise<void> {
  for await (const message of messages) {
    const [data, isBinary] = message as [Buffer, boolean];
    const event = isBinary ? readText(data, promptId) : (JSON.parse(data.toString('utf8')) as ExecutionEvent);
    if (event) onEvent(event);
    if (event?.type === 'executing' && event.data.node === null && event.data.prompt_id === promptId) return;
  }
  throw new Error('The server closed the connection before the prompt was done.');
}

/** The text shown below a node, from its binary frame; undefined for previews. */
function readText(frame: Buffer, prompt_id: string): ExecutionEvent | undefined {
  if (frame.readUInt32BE(0) !== TEXT_FRAME) return undefined;
  const end = 8 + frame.readUInt32BE(4);
  return {
    type: 'text',
    data: { node_id: frame.toString('utf8', 8, end), prompt_id, text: frame.toString('utf8', end) },
  };
}

function requireSuccess(entry: HistoryEntry): HistoryEntry {
  if (entry.status.status_str === 'success') return entry;
  const [type, data] = entry.status.messages.at(-1) ?? ['execution_error', {}];
  if (type === 'execution_interrupted') throw new DOMException('The run was stopped.', 'AbortError');
  const { node_id, node_type, exception_message } = data as Record<string, string>;
  throw new InputError('GRAPH_FAILED', `Node ${node_id} (${node_type}) failed: ${exception_message?.trim()}`);
}

// Whatever comes in at POST /prompt, the uploads, /view, paths and sockets: no 5xx, no crash, nothing outside the data
// folders, and the server goes on. FUZZ_TIMES=50 runs so many times as much, with other seeds.
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { WebSocket } from 'ws';
import { type HttpClient, type HttpReply, httpClient } from '../helpers/http.ts';
import { testPack } from '../helpers/server.ts';
import { type ServerProcess, startServerProcess } from '../helpers/server-process.ts';
import { testSocket } from '../helpers/socket.ts';
import { anyJson, anyText, brokenBody, promptBody, upload, validGraph, viewQuery } from './fuzz-arbitraries.ts';

const TIMES = Number(process.env.FUZZ_TIMES ?? 1);
const runs = (count: number, seed: number) => ({ numRuns: count * TIMES, seed: TIMES > 1 ? seed + 1000 : seed });
const TIMEOUT_MS = 60_000 * TIMES;

let outer: string;
let dataDir: string;
let server: ServerProcess;
let http: HttpClient;
beforeAll(async () => {
  outer = mkdtempSync(join(tmpdir(), 'fuzz-'));
  dataDir = join(outer, 'data');
  server = await startServerProcess({
    dataDir,
    packDirs: [testPack],
    maxUploadBytes: 100_000,
    maxQueueLength: 1_000_000,
  });
  http = httpClient(server.port);
  const png = await sharp({ create: { width: 3, height: 2, channels: 4, background: '#f008' } })
    .png()
    .toBuffer();
  writeFileSync(join(outer, 'secret.txt'), 'secret');
  for (const folder of ['input', 'output', 'temp']) {
    writeFileSync(join(dataDir, folder, 'small.png'), png);
    writeFileSync(join(dataDir, folder, 'text.txt'), 'text');
  }
});
afterAll(async () => {
  http.close();
  expect(await server.close()).toBe(0);
  rmSync(outer, { recursive: true });
});
afterEach(async () => {
  expect(readdirSync(outer).sort()).toEqual(['data', 'secret.txt']);
  expect(readdirSync(dataDir).filter((name) => !name.startsWith('queue.sqlite'))).toEqual(
    expect.arrayContaining(['input', 'models', 'output', 'temp', 'user']),
  );
  expect(failures()).toEqual([]);
  expect((await http.get('/prompt')).status).toBe(200);
});

/** What the log tells of errors inside the server, each once. */
function failures(): string[] {
  const lines = server.stderr().split('\n');
  const errors = lines.filter((line) => line.includes('"level":50') || line.includes('"level":60'));
  return [...new Set(errors.map((line) => JSON.parse(line)).map(({ msg, err }) => `${msg}: ${err?.stack}`))];
}

function expectNoFault(reply: HttpReply, statuses: readonly number[]): void {
  expect({ status: reply.status, text: reply.status < 500 || reply.text }).toEqual({
    status: reply.status,
    text: true,
  });
  expect(statuses).toContain(reply.status);
  expect(reply.text).not.toBe('secret');
}

async function untilIdle(): Promise<void> {
  for (;;) {
    const { queue_running: running, queue_pending: pending } = (await http.get('/queue')).json();
    if (running.length + pending.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test(
  'POST /prompt takes mutated graphs and other JSON: 200 or an error in the shape of the contract; what it takes ends',
  async () => {
    const accepted: string[] = [];
    await fc.assert(
      fc.asyncProperty(promptBody, async (body) => {
        const reply = await http.post('/prompt', body);
        expectNoFault(reply, [200, 400]);
        const json = reply.json();
        if (reply.status === 200) accepted.push(json.prompt_id);
        else expect(json).toMatchObject({ error: { type: expect.any(String), message: expect.any(String) } });
        expect(json.node_errors).toEqual(expect.any(Object));
      }),
      runs(400, 31),
    );
    await untilIdle();
    expect(accepted.length).toBeGreaterThan(20);
    const history = (await http.get('/history?max_items=100000')).json();
    expect(accepted.filter((id) => !Object.hasOwn(history, id))).toEqual([]);
    const { jobs } = (await http.get('/api/jobs')).json();
    expect(jobs.length).toBe(accepted.length);
  },
  TIMEOUT_MS,
);

test(
  'POST /prompt takes what is no JSON: 400, and the next graph runs',
  async () => {
    await fc.assert(
      fc.asyncProperty(brokenBody, async (body) => {
        const reply = await http.post('/prompt', body);
        expectNoFault(reply, [200, 400]);
        reply.json();
      }),
      runs(300, 32),
    );
    await untilIdle();
    const { prompt_id: id } = (await http.post('/prompt', JSON.stringify({ prompt: validGraph() }))).json();
    await untilIdle();
    expect((await http.get(`/history/${id}`)).json()[id].status).toMatchObject({ status_str: 'success' });
  },
  TIMEOUT_MS,
);

test(
  'POST /upload/image and /upload/mask take multipart bodies of all kinds',
  async () => {
    await fc.assert(
      fc.asyncProperty(upload, fc.constantFrom('image', 'mask'), async ({ contentType, body }, kind) => {
        const headers = { 'content-type': contentType };
        expectNoFault(await http.post(`/upload/${kind}`, body, headers), [200, 400, 403, 404, 413]);
      }),
      runs(400, 33),
    );
    expect(readdirSync(join(dataDir, 'temp')).filter((name) => name.startsWith('.upload'))).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  'GET /view takes any query',
  async () => {
    await fc.assert(
      fc.asyncProperty(viewQuery, async (query) => {
        expectNoFault(await http.get(`/view?${query}`), [200, 400, 403, 404, 413]);
      }),
      runs(400, 34),
    );
  },
  TIMEOUT_MS,
);

test(
  'the other routes take any name, query and JSON',
  async () => {
    const route = fc.constantFrom(
      ...[
        '/userdata/',
        '/settings/',
        '/history/',
        '/models/',
        '/experiment/models/',
        '/view_metadata/',
        '/object_info/',
      ],
      ...[
        '/api/jobs/',
        '/templates/',
        '/docs/',
        '/extensions/',
        '/schemas/',
        '/workflow_templates/',
        '/global_subgraphs/',
      ],
      ...[
        '/queue',
        '/history',
        '/settings',
        '/interrupt',
        '/free',
        '/users',
        '/api/jobs',
        '/internal/logs/subscribe',
        '/',
      ],
      ...['/userdata', '/v2/userdata', '/internal/files/', '/i18n', '/api/jobs/cancel'],
    );
    const method = fc.constantFrom('GET', 'GET', 'POST', 'DELETE', 'PATCH', 'HEAD', 'PUT');
    await fc.assert(
      fc.asyncProperty(method, route, anyText, fc.string(), anyJson, async (verb, path, name, query, json) => {
        const segment = encodeURIComponent(name.replace(/\p{Surrogate}/gu, '?'));
        const body = verb === 'GET' || verb === 'HEAD' ? undefined : JSON.stringify(json);
        const reply = await http.send(verb, `${path}${segment}?${encodeURI(query)}`, { body });
        expect([verb, path, name, reply.status < 500 || reply.text]).toEqual([verb, path, name, true]);
        expect(reply.text).not.toBe('secret');
      }),
      runs(600, 35),
    );
  },
  TIMEOUT_MS,
);

test(
  'a socket takes any frames; others hear nothing of it',
  async () => {
    const bystander = testSocket(`ws://127.0.0.1:${server.port}/ws?clientId=bystander`);
    expect(await bystander.next()).toMatchObject({ type: 'status' });
    const frame = fc.oneof(
      anyText,
      fc.uint8Array({ maxLength: 200 }),
      anyJson.map((data) => JSON.stringify({ type: 'feature_flags', data })),
      anyJson.map((json) => JSON.stringify(json)),
    );
    await fc.assert(
      fc.asyncProperty(anyText, fc.array(frame, { maxLength: 8 }), fc.boolean(), async (id, frames, politely) => {
        const clientId = encodeURIComponent(id.replace(/\p{Surrogate}/gu, '?'));
        const socket = testSocket(`ws://127.0.0.1:${server.port}/ws?clientId=${clientId}`);
        expect(await socket.next()).toMatchObject({ type: 'status', data: { sid: expect.any(String) } });
        for (const one of frames) socket.ws.send(one, { binary: typeof one !== 'string' });
        const pong = once(socket.ws, 'pong');
        socket.ws.ping();
        await pong; // it has read all the frames before it, and is alive
        if (politely) await socket.close();
        else socket.ws.terminate();
        await socket.closed;
      }),
      runs(150, 36),
    );
    expect(bystander.ws.readyState).toBe(WebSocket.OPEN);
    expect(bystander.waiting.filter((m) => Buffer.isBuffer(m) || m.type !== 'status')).toEqual([]);
    await bystander.close();
  },
  TIMEOUT_MS,
);

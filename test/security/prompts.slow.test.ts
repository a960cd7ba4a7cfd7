// 5,000 mutated prompts over real sockets: none gives a 5xx, none ends the worker or the server, and no loader sees what it should not.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type HttpClient, httpClient } from '../helpers/http.ts';
import { testPack } from '../helpers/server.ts';
import { type ServerProcess, startServerProcess } from '../helpers/server-process.ts';
import { type Mirror, startMirror } from '../hub/hub-mirror.ts';
import { promptBody } from '../server/fuzz-arbitraries.ts';

const PROMPTS = 5000;
const AT_ONCE = 8;
const TIMEOUT_MS = 600_000;
const apiPack = join(import.meta.dirname, '../fixtures/api-pack');

let outer: string;
let hub: Mirror;
let server: ServerProcess;
let http: HttpClient;
beforeAll(async () => {
  outer = mkdtempSync(join(tmpdir(), 'pez-prompts-'));
  hub = await startMirror(new Map());
  const environment = `export HF_ENDPOINT=${hub.endpoint} HF_HOME=${outer}/home HF_TOKEN=hf_secret HF_HUB_OFFLINE=0`;
  server = await startServerProcess(
    { dataDir: join(outer, 'data'), packDirs: [testPack, apiPack], maxQueueLength: 1_000_000 },
    { shell: environment },
  );
  http = httpClient(server.port);
});
afterAll(async () => {
  http.close();
  expect(await server.close()).toBe(0);
  await hub.close();
  rmSync(outer, { recursive: true });
});

const node = (class_type: string, inputs: object) => ({ class_type, inputs });
/** Models, choices, any inputs, raw links, expansions: what a link or a name could be smuggled into. */
const base = () => ({
  a: node('PrimitiveInt', { value: 3 }),
  b: node('ApiTexts', { texts: 'pico-clip|/etc|stranger/model' }),
  c: node('CLIPLoader', { clip_name: 'pico-clip' }),
  d: node('CheckpointLoaderSimple', { ckpt_name: 'pico-diffusion' }),
  e: node('ApiAny', { first: ['a', 0], more: ['b', 0] }),
  f: node('ApiRaw', { value: ['a', 0] }),
  g: node('ApiExpand', { value: ['a', 0] }),
  h: node('TestShow', { value: ['g', 0] }),
  i: node('ApiHidden', { kept: 4 }),
  j: node('ApiChoice', { choice: 'a' }),
  k: node('ApiLazy', { wanted: 'a', a: ['a', 0], b: ['b', 0] }),
  l: node('PreviewAny', { source: ['b', 0] }),
  m: node('TestSink', { value: ['c', 0] }),
});
type Id = keyof ReturnType<typeof base>;
const ids = Object.keys(base()) as Id[];

const link = fc.tuple(fc.constantFrom(...ids, '99', '__proto__'), fc.integer({ min: -1, max: 2 }));
const name = fc.constantFrom('/etc', '../x', 'stranger/model', 'pico-clip', '', '~', 'data/input', '__proto__');
const value: fc.Arbitrary<unknown> = fc.oneof(
  link,
  link.map((inner) => ({ __value__: inner })),
  link.map((inner) => ({ __value__: { __value__: inner } })),
  link.map((inner) => ({ __value__: [inner, inner] })),
  name,
  fc.constantFrom(null, 5, -1, 1e308, true, {}, [], [['a', 0]], 'nan', '1'.repeat(5000)),
);
const input = fc.constantFrom(
  'value',
  'clip_name',
  'ckpt_name',
  'source',
  'first',
  'more',
  'choice',
  'kept',
  'a',
  'id',
  '__proto__',
);
const smuggling: fc.Arbitrary<string> = fc
  .array(fc.tuple(fc.constantFrom(...ids), input, value), { minLength: 1, maxLength: 5 })
  .map((changes) => {
    const graph = base();
    for (const [id, key, given] of changes)
      Object.defineProperty(graph[id].inputs, key, { value: given, enumerable: true, configurable: true });
    return JSON.stringify({ prompt: graph });
  });

/** Waits until nothing runs or waits. */
async function untilIdle(): Promise<void> {
  while ((await http.get('/prompt')).json().exec_info.queue_remaining > 0) await new Promise((r) => setTimeout(r, 50));
}

test(
  `${PROMPTS} prompts leave the server and its worker as they were`,
  async () => {
    const worker = await server.workerPid();
    const statuses: Record<number, number> = {};
    const bodies = fc.sample(fc.oneof(promptBody, smuggling), { numRuns: PROMPTS, seed: 11 });
    const send = async (): Promise<void> => {
      for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
        const { status, text } = await http.post('/prompt', body, { 'content-type': 'application/json' });
        statuses[status] = (statuses[status] ?? 0) + 1;
        expect({ status: status < 500, text: status < 500 || text }).toEqual({ status: true, text: true });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, send));
    await untilIdle();
    expect(statuses[200]).toBeGreaterThan(200); // enough of them ran
    expect(statuses[400]).toBeGreaterThan(1000);
    expect(await server.workerPid()).toBe(worker);
    expect(hub.log).toEqual([]);
    expect(readdirSync(outer)).toEqual(['data']);
    const failed = server
      .stderr()
      .split('\n')
      .filter((line) => /"level":(50|60)/.test(line));
    expect(failed).toEqual([]);
    process.stdout.write(`answers: ${JSON.stringify(statuses)}\n`);
  },
  TIMEOUT_MS,
);

// Results that can't be sent, stored or shown: their prompt ends with an error that says so, and the next one runs.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestServer, type TestServer } from '../helpers/server.ts';

/** What an ui may hold by mistake, as source. */
const ODD: Readonly<Record<string, string>> = {
  circle: '(() => { const a = { b: [] }; a.b.push(a); return [a]; })()',
  'a bigint': '[10n ** 30n]',
  'a function': '[() => 1]',
  'a symbol': '[Symbol("x")]',
  'a map': '[new Map([[1, 2]])]',
  'not a number': '[Number.NaN, Infinity, undefined, new Date(Number.NaN)]',
  'an endless nest': '(() => { let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return [a]; })()',
  'lone surrogates': '["\\ud800", { "\\udfff": 1 }]',
  'a getter that throws': '[{ get a() { throw new Error("no"); } }]',
  'a promise': '[Promise.resolve(1)]',
  bytes: '[new Uint8Array(4), Buffer.from("x")]',
  'no list': '"text"',
  nothing: 'null',
};

let folder: string;
let server: TestServer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'odd-'));
  const pack = join(folder, 'odd');
  mkdirSync(pack);
  const manifest = { name: 'odd', version: '1.0.0', description: 'Odd results', license: 'MIT', nodes: ['odd.mjs'] };
  writeFileSync(join(pack, 'manifest.json'), JSON.stringify(manifest));
  const cases = Object.entries(ODD).map(([name, value]) => `${JSON.stringify(name)}: () => (${value}),`);
  writeFileSync(
    join(pack, 'odd.mjs'),
    `const odd = { ${cases.join('\n')} };
    export default ({ defineNode, string, port, NodeResult }) => {
      const shared = { category: '', description: '', notIdempotent: true, inputs: { kind: string() } };
      return [
        defineNode({ ...shared, type: 'OddUi', displayName: '', outputNode: true, outputs: {}, run: ({ kind }) => new NodeResult({ ui: { text: odd[kind]() } }) }),
        defineNode({ ...shared, type: 'OddError', displayName: '', outputNode: true, outputs: {}, run: ({ kind }) => { throw odd[kind](); } }),
        defineNode({ ...shared, type: 'OddValue', displayName: '', outputs: { value: port('*') }, run: ({ kind }) => ({ value: odd[kind]() }) }),
      ];
    };`,
  );
  server = await startTestServer({ packDirs: [pack] });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

describe.each(Object.keys(ODD))('%s', (kind) => {
  test('as what a node shows, throws, or gives to the next node', async () => {
    for (const prompt of [
      { 1: { class_type: 'OddUi', inputs: { kind } } },
      { 1: { class_type: 'OddError', inputs: { kind } } },
      {
        1: { class_type: 'OddValue', inputs: { kind } },
        2: { class_type: 'PreviewAny', inputs: { source: ['1', 0] } },
      },
    ]) {
      const { history, messages } = await server.run(prompt);
      const [type, data] = history.status.messages.at(-1);
      expect(type).toMatch(/^execution_(success|error)$/);
      if (type === 'execution_error') expect(data.exception_message).toMatch(/\S/);
      expect(messages.some((message) => !Buffer.isBuffer(message) && message.type === type)).toBe(true);
    }
    const { history } = await server.run({
      1: { class_type: 'PrimitiveInt', inputs: { value: 3 } },
      2: { class_type: 'PreviewAny', inputs: { source: ['1', 0] } },
    });
    expect(history.status.status_str).toBe('success');
    expect((await server.get('/api/jobs')).jobs.length).toBeGreaterThan(0);
  });
});

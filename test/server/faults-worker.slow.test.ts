// A server whose worker can't start, or dies: what never began waits, what wrote nothing runs once more, the rest fails.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestServer, type TestServer } from '../helpers/server.ts';
import type { TestSocket } from '../helpers/socket.ts';

let folder: string;
let server: TestServer | undefined;
let gate: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'faults-worker-'));
  gate = join(folder, 'gate');
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(folder, { recursive: true });
});

const until = async (reached: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await reached())) await new Promise((resolve) => setTimeout(resolve, 10));
};
const logged = (text: RegExp): number => server!.log.filter((line) => text.test(line)).length;

const show = (text: string) => ({
  1: { class_type: 'TestText', inputs: { text } },
  2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
});
/** A node that is no output node runs until the gate is there. */
const waitForGate = () => ({
  1: { class_type: 'TestUntilFile', inputs: { path: gate } },
  2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
});

async function killWorker(): Promise<void> {
  const pid = server!.workerPid!;
  process.kill(pid, 'SIGKILL');
  await until(() => server!.workerPid !== pid);
}

/** Skips messages until the node runs. */
async function untilExecuting(socket: TestSocket, node: string): Promise<void> {
  while ((await socket.nextOf('executing')).data.node !== node);
}

test('prompts that never began wait while the worker cannot start; the queue says why, and goes on by itself', async () => {
  const mended = join(folder, 'mended');
  const broken = `import { existsSync } from 'node:fs'; if (!existsSync(${JSON.stringify(mended)})) throw new Error('libmissing.so is missing');`;
  server = await startTestServer({ worker: { nodeArgs: ['--import', `data:text/javascript,${broken}`] } });
  const ids: string[] = [];
  for (let i = 0; i < 6; i++) ids.push(await server.queue(show(`text ${i}`)));
  await until(() => logged(/The queue waits: .*could not start.*libmissing\.so is missing/) >= 2);
  const { queue_running, queue_pending } = await server.get('/queue');
  expect([queue_running, queue_pending.length]).toEqual([[], 6]);
  expect(await server.get('/history')).toEqual({});
  expect((await server.post(`/api/jobs/${ids[5]}/cancel`)).body).toEqual({ cancelled: true });
  writeFileSync(mended, '');
  for (const id of ids.slice(0, 5)) expect((await server.ended(id)).status.status_str).toBe('success');
  expect(Object.keys(await server.get('/history'))).toEqual(ids.slice(0, 5));
});

test('a prompt that wrote nothing before its worker was killed runs once more, and its client hears of no error', async () => {
  server = await startTestServer();
  const socket = await server.socket('retried');
  const id = await server.queue(waitForGate(), { client_id: 'retried' });
  await untilExecuting(socket, '1');
  await killWorker();
  await untilExecuting(socket, '1');
  expect((await server.get('/queue')).queue_running.map(([, running]: [number, string]) => running)).toEqual([id]);
  writeFileSync(gate, '');
  const types: string[] = [];
  for (;;) {
    const message = await socket.next();
    if (Buffer.isBuffer(message)) continue;
    types.push(message.type);
    if (message.type === 'executing' && message.data.node === null) break;
  }
  expect(types).not.toContain('execution_error');
  const { status } = await server.ended(id);
  expect(status.messages.map(([type]: [string]) => type)).toEqual([
    'execution_start',
    'execution_cached',
    'execution_success',
  ]);
  expect(logged(/had written nothing, so it runs once more\. The worker process was ended by SIGKILL/)).toBe(1);
  await socket.close();
});

test('a prompt whose worker is killed twice fails, and the next one runs', async () => {
  server = await startTestServer();
  const socket = await server.socket('twice');
  const id = await server.queue(waitForGate(), { client_id: 'twice' });
  for (let death = 0; death < 2; death++) {
    await untilExecuting(socket, '1');
    await killWorker();
  }
  const [type, data] = (await server.ended(id)).status.messages.at(-1);
  expect([type, data.exception_type, data.node_id]).toEqual(['execution_error', 'WorkerKilled', '1']);
  expect((await server.run(show('next'))).history.status.status_str).toBe('success');
  await socket.close();
});

test('a prompt that has shown something, or whose output node has begun, is not run again', async () => {
  server = await startTestServer();
  const socket = await server.socket('shown');
  const shown = await server.queue(
    {
      1: { class_type: 'TestText', inputs: { text: 'shown' } },
      2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
      3: { class_type: 'TestUntilFile', inputs: { path: gate, value: ['2', 0] } },
      4: { class_type: 'TestSink', inputs: { value: ['3', 0] } },
    },
    { client_id: 'shown' },
  );
  await untilExecuting(socket, '3');
  await killWorker();
  const entry = await server.ended(shown);
  expect(entry.status.messages.at(-1)[1].exception_type).toBe('WorkerKilled');
  expect(entry.outputs).toEqual({ 2: { text: ['"shown"'] } });
  const begun = await server.run({ 1: { class_type: 'TestKill', inputs: {} } });
  expect(begun.history.status.messages.at(-1)[1].exception_type).toBe('WorkerKilled');
  expect(begun.messages.filter((message) => 'type' in message && message.type === 'execution_start')).toHaveLength(1);
  await socket.close();
});

test('a node that ignores its interrupt is ended with its worker, and nothing says that memory ran out', async () => {
  server = await startTestServer({ worker: { interruptGraceMs: 100 } });
  const socket = await server.socket('deaf');
  const id = await server.queue({ 1: { class_type: 'TestDeaf', inputs: {} } }, { client_id: 'deaf' });
  await untilExecuting(socket, '1');
  await server.post('/interrupt');
  expect((await server.ended(id)).status.messages.at(-1)[0]).toBe('execution_interrupted');
  await until(() => server!.workerPid !== undefined);
  expect(logged(/did not react to its interrupt/)).toBe(1);
  expect(logged(/memory/)).toBe(0);
  await socket.close();
});

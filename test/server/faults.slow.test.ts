// The whole server when things go wrong: its worker is killed, clients vanish, bodies break off, two servers share a folder.
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { random } from '../helpers/random.ts';
import { startTestServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ maxUploadBytes: 100_000 });
});
afterAll(() => server.close());

const errorsInLog = () =>
  server.log.filter((line) => JSON.parse(line).level >= 50 && !line.includes('The worker process'));

const steps = (count: number) => ({
  1: { class_type: 'TestSteps', inputs: { steps: count, ms: 10, value: ['3', 0] } },
  2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
  3: { class_type: 'TestText', inputs: { text: 'text' } },
});

test('a second server on the same data folder is told so, and touches nothing of the first', async () => {
  writeFileSync(join(server.dataDir, 'temp/preview.png'), 'of the first');
  await expect(startTestServer({ dataDir: server.dataDir })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message: expect.stringMatching(/in use by another server/),
  });
  expect(readFileSync(join(server.dataDir, 'temp/preview.png'), 'utf8')).toBe('of the first');
  expect((await server.run(steps(1))).history.status.status_str).toBe('success');
});

test('a server that stops empties temp/ before it gives up its lock: after that, another may have files there', async () => {
  const stopping = await startTestServer();
  const temp = join(stopping.dataDir, 'temp');
  for (let i = 0; i < 500; i++) writeFileSync(join(temp, `preview${i}.png`), '');
  const closed = stopping.close({ keep: true });
  const log = join(stopping.dataDir, 'queue.sqlite-wal'); // there as long as the database is locked
  expect(existsSync(log)).toBe(true);
  while (existsSync(log)) await new Promise(setImmediate);
  expect(readdirSync(temp)).toEqual([]);
  await closed;
  rmSync(stopping.dataDir, { recursive: true });
});

test(
  'a worker that is killed at any moment costs at most the job that runs, with the reason told; the others and the next run',
  async () => {
    const KILLS = Number(process.env.FAULT_KILLS ?? 5);
    const next = random(35);
    const socket = await server.socket('victim');
    const ids: string[] = [];
    // An output node that takes its time: what it has written is not known, so its prompt is not run again.
    const previews = (count: number) => ({ 1: { class_type: 'TestPreview', inputs: { count, ms: 10 } } });
    for (let i = 0; i < 20; i++) ids.push(await server.queue(previews(10 + i), { client_id: 'victim' }));
    while ((await socket.nextOf('executing')).data.node !== '1');
    process.kill(server.workerPid!, 'SIGKILL');
    const done = new Set<string>();
    const endings = new Map<string, string[]>();
    const watching = (async () => {
      while (done.size < ids.length) {
        const message = await socket.next();
        if (Buffer.isBuffer(message)) continue;
        const { prompt_id: id, node } = message.data;
        if (/^execution_(success|error)$/.test(message.type))
          endings.set(id, [...(endings.get(id) ?? []), message.type]);
        if (message.type === 'executing' && node === null) done.add(id);
      }
    })();
    let killed = 1;
    while (killed < KILLS && done.size < ids.length) {
      await new Promise((resolve) => setTimeout(resolve, next() * 1_500)); // the moment is what is random
      if (server.workerPid === undefined) continue;
      process.kill(server.workerPid, 'SIGKILL');
      killed++;
    }
    await watching;
    await socket.close();
    const history = await server.get('/history?max_items=1000');
    const failed = ids.filter((id) => history[id].status.status_str === 'error');
    for (const id of ids)
      expect([id, endings.get(id)]).toEqual([id, [failed.includes(id) ? 'execution_error' : 'execution_success']]);
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.length).toBeLessThanOrEqual(killed);
    for (const id of failed) {
      const [type, data] = history[id].status.messages.at(-1);
      expect(type).toBe('execution_error');
      expect(data.exception_type).toBe('WorkerKilled');
      expect(data.exception_message).toMatch(/ended by SIGKILL/);
      expect(data).toMatchObject({ prompt_id: id, node_type: expect.stringMatching(/^Test/) });
    }
    expect((await server.run(steps(1))).history.status.status_str).toBe('success');
  },
  60_000 + 3_000 * Number(process.env.FAULT_KILLS ?? 5),
);

test('a client that vanishes loses nothing: its prompts run, and with the same id it hears the rest', async () => {
  const gate = join(server.dataDir, 'gate');
  const prompt = {
    1: { class_type: 'TestUntilFile', inputs: { path: gate } },
    2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
  };
  const first = await server.socket('vanishing');
  const running = await server.queue(prompt, { client_id: 'vanishing' });
  const waiting = await server.queue(prompt, { client_id: 'vanishing' });
  expect(await first.nextOf('executing')).toMatchObject({ data: { node: '1' } });
  first.ws.terminate();
  await first.closed;
  // One that leaves right after its request, before it has the answer.
  const body = JSON.stringify({ prompt, client_id: 'vanishing', prompt_id: 'unheard' });
  const socket = connect(server.port, '127.0.0.1');
  await new Promise((resolve) =>
    socket.write(`POST /prompt HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`, resolve),
  );
  socket.destroy();
  const again = await server.socket('vanishing');
  expect((await again.nextOf('execution_start')).data.prompt_id).toBe(running);
  expect((await again.nextOf('progress_state')).data.nodes['1'].state).toBe('running');
  expect(await again.next()).toEqual({ type: 'executing', data: { node: '1' } });
  writeFileSync(gate, '');
  for (const id of [running, waiting]) {
    while ((await again.nextOf('execution_success')).data.prompt_id !== id);
    expect((await server.ended(id)).status.status_str).toBe('success');
  }
  // What it accepted it runs; a request that it never read counts for nothing.
  const { queue_running, queue_pending } = await server.get('/queue');
  if ([...queue_running, ...queue_pending].some(([, id]) => id === 'unheard')) await server.ended('unheard');
  await again.close();
});

async function untilRunning(promptId: string): Promise<void> {
  while (!(await server.get('/queue')).queue_running.some((item: [number, string]) => item[1] === promptId));
}

test('a client that hangs up while its prompt is being validated does not hold up the queue', async () => {
  const loads = Array.from({ length: 100 }, (_, i) => [
    `load${i}`,
    { class_type: 'LoadImage', inputs: { image: 'tiger.png' } },
  ]);
  const shows = Array.from({ length: 100 }, (_, i) => [
    `show${i}`,
    { class_type: 'TestSink', inputs: { value: [`load${i}`, 0] } },
  ]);
  const prompt = Object.fromEntries([...loads, ...shows]);
  const body = JSON.stringify({ prompt, prompt_id: 'hung-up', number: -1 });
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  const request = `POST /prompt HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  await new Promise((resolve) => socket.write(request, resolve));
  socket.resetAndDestroy();
  // It counts as accepted, since it was sent whole.
  await until(
    async () =>
      [...(await server.get('/queue')).queue_pending, ...(await server.get('/queue')).queue_running].length > 0 ||
      'hung-up' in (await server.get('/history')),
  );
  const next = await server.queue(steps(1));
  expect((await server.ended(next)).status.status_str).toBe('success');
  expect((await server.ended('hung-up')).status.status_str).toBe('success');
});

test('a client that reads no answers does not hold up the queue', async () => {
  const socket = connect(server.port, '127.0.0.1').pause();
  await once(socket, 'connect');
  const body = JSON.stringify({ prompt: steps(1), prompt_id: 'unread', number: -1 });
  // Answers come in turn: that of /prompt waits behind 16 MB that nobody takes.
  const promptId = await server.queue({ 1: { class_type: 'TestBigUi', inputs: { characters: 16_000_000 } } });
  await server.ended(promptId);
  const before = `GET /history/${promptId} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  socket.write(`${before}POST /prompt HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  expect((await server.ended('unread')).status.status_str).toBe('success');
  expect((await server.run(steps(1))).history.status.status_str).toBe('success');
  socket.destroy();
});

async function until(reached: () => Promise<boolean>): Promise<void> {
  while (!(await reached())) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Sends the first part of a request and hangs up; resolves when the server has noticed. */
async function breakOff(method: string, path: string, part: string): Promise<void> {
  const socket = connect(server.port, '127.0.0.1');
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n${part}`);
  await once(socket, 'connect');
  socket.end(); // half-closed: the server answers, if at all, and closes
  socket.resume();
  await once(socket, 'close');
}

test('bodies that break off change nothing and are no error of the server', async () => {
  const gate = join(server.dataDir, 'second gate');
  const running = await server.queue({
    1: { class_type: 'TestUntilFile', inputs: { path: gate } },
    2: { class_type: 'TestSink', inputs: { value: ['1', 0] } },
  });
  await untilRunning(running);
  const before = await server.get('/settings');
  for (const [method, path, part] of [
    ['POST', '/prompt', '{"prompt":{"1":{"class_type":"TestSink"'],
    ['POST', '/queue', '{"clear":tr'],
    ['POST', '/history', '{"clear":tr'],
    ['POST', '/settings', '{"broken":1'],
    ['POST', '/settings/broken', '1'],
    ['POST', '/userdata/broken.json', '{"broken":1'],
    ['POST', '/upload/image', '--b0undary'],
    ['POST', '/interrupt', '{"pro'],
    ['POST', '/free', '{"unload_models":tr'],
    ['PATCH', '/internal/logs/subscribe', '{"client'],
    ['POST', '/api/jobs/cancel', '{"job_ids'],
  ])
    await breakOff(method, path, part);
  expect(await server.get('/settings')).toEqual(before);
  // The last upload's file goes after its connection.
  await until(async () => !readdirSync(join(server.dataDir, 'temp')).some((name) => name.startsWith('.')));
  writeFileSync(gate, '');
  expect((await server.ended(running)).status.status_str).toBe('success'); // half an interrupt is none
  expect(errorsInLog()).toEqual([]);
});

// What the log says of prompts: accepted, done after which time, failed where and why; at /internal/logs and for subscribers.
import { startTestServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const show = {
  1: { class_type: 'TestText', inputs: { text: 'x' } },
  2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
};
const fail = {
  1: { class_type: 'TestFail', inputs: { message: 'no\nluck' } },
  2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
};
const lines = async (): Promise<string> => server.get('/internal/logs');

test('a prompt that is accepted and done is in the log, with its size and time', async () => {
  const { promptId } = await server.run(show);
  expect(await lines()).toMatch(new RegExp(`Prompt ${promptId} accepted: 2 nodes\\.\\n`));
  expect(await lines()).toMatch(new RegExp(`Prompt ${promptId} done in \\d+\\.\\d\\d s\\.\\n`));
});

test('one that fails is a warning, with node, class and reason on one line', async () => {
  const { promptId } = await server.run(fail);
  expect(await lines()).toMatch(
    new RegExp(`warn: Prompt ${promptId} failed after \\d+\\.\\d\\d s at node 1 \\(TestFail\\): TypeError: no luck\\n`),
  );
});

test('one that is interrupted, and one whose id could be mistaken for more of the log', async () => {
  const id = 'a"\u2028Prompt b done in 0.00 s.';
  const socket = await server.socket('interrupter');
  await server.queue({ 1: { class_type: 'TestDeaf', inputs: {} } }, { prompt_id: id, client_id: 'interrupter' });
  await socket.nextOf('executing');
  await server.post('/free', { unload_models: true }); // the node is deaf: its process must go
  process.kill(server.workerPid!, 'SIGKILL');
  await server.ended(id);
  expect(await lines()).toContain(`Prompt ${JSON.stringify(id)} failed after`);
  await socket.close();
  const interrupted = await server.socket('interrupted');
  const promptId = await server.queue(
    { 1: { class_type: 'TestPreview', inputs: { count: 10_000, ms: 5 } } },
    { client_id: 'interrupted' },
  );
  await interrupted.nextOf('progress');
  await server.post('/interrupt');
  await server.ended(promptId);
  expect(await lines()).toMatch(new RegExp(`Prompt ${promptId} interrupted after \\d+\\.\\d\\d s\\.`));
  await interrupted.close();
});

test('who subscribed to the log hears of prompts as they come', async () => {
  const socket = await server.socket('watcher');
  await fetch(`${server.url}/internal/logs/subscribe`, {
    method: 'PATCH',
    body: JSON.stringify({ clientId: 'watcher', enabled: true }),
  });
  const { promptId } = await server.run(show);
  const accepted = (await socket.nextOf('logs')).data.entries[0].m;
  expect(accepted).toBe(`Prompt ${promptId} accepted: 2 nodes.\n`);
  await socket.close();
});

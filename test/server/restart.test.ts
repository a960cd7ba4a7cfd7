// What a restart leaves: previews that the history names, and what was saved; other temporary files go.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTestServer, type TestServer } from '../helpers/server.ts';

let server: TestServer;
afterEach(() => server.close());

const picture = (class_type: string, more = {}) => ({
  1: { class_type: 'LoadImage', inputs: { image: 'tiger.png' } },
  2: { class_type, inputs: { images: ['1', 0], ...more } },
});
const save = picture('SaveImage', { filename_prefix: 'kept' });

test('previews of prompts in the history can still be seen after a restart, other temporary files are gone', async () => {
  server = await startTestServer();
  const { dataDir } = server;
  const temp = join(dataDir, 'temp');
  const shown = (await server.run(picture('PreviewImage'))).history.outputs[2].images[0];
  const forgotten = await server.run(picture('PreviewImage'));
  const gone = forgotten.history.outputs[2].images[0];
  expect([shown.type, existsSync(join(temp, gone.filename))]).toEqual(['temp', true]);
  await server.post('/history', { delete: [forgotten.promptId] });
  mkdirSync(join(temp, 'folder'));
  writeFileSync(join(temp, 'folder/left.png'), '');
  writeFileSync(join(temp, '.upload'), '');
  await server.close({ keep: true });
  expect(readdirSync(temp)).toEqual([shown.filename]);
  server = await startTestServer({ dataDir });
  const [, job] = [await server.get('/history'), (await server.get('/api/jobs')).jobs[0]];
  const { filename, subfolder, type } = job.preview_output;
  const response = await fetch(`${server.url}/view?${new URLSearchParams({ filename, subfolder, type })}`);
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/png']);
  await server.post('/history', { clear: true });
  await server.close({ keep: true });
  expect(readdirSync(temp)).toEqual([]);
  server = await startTestServer({ dataDir });
});

test('the history keeps as many prompts as --max-history says; what the others saved stays', async () => {
  server = await startTestServer({ maxHistory: 2 });
  const ids: string[] = [];
  for (let i = 0; i < 4; i++)
    ids.push((await server.run({ ...save, 3: { class_type: 'TestPid', inputs: {} } })).promptId);
  expect(Object.keys(await server.get('/history'))).toEqual(ids.slice(2));
  expect((await server.get('/api/jobs')).pagination.total).toBe(2);
  const saved = readdirSync(join(server.dataDir, 'output'));
  expect(saved.length).toBeGreaterThan(0);
  const { dataDir } = server;
  await server.close({ keep: true });
  server = await startTestServer({ dataDir, maxHistory: 1 });
  expect(Object.keys(await server.get('/history'))).toEqual(ids.slice(3));
  expect(readdirSync(join(dataDir, 'output'))).toEqual(saved);
  rmSync(join(dataDir, 'output'), { recursive: true });
});

// What uploads may hold together: above it they are refused with a sentence, and nothing is deleted.
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startApp, type TestApp } from './app-harness.ts';

const MIB = 2 ** 20;
let app: TestApp;
beforeEach(async () => {
  app = await startApp({ maxUploadsBytes: MIB });
});
afterEach(() => app.close());

const upload = (filename: string, size: number, fields = {}) =>
  app.upload('/upload/image', { image: { filename, bytes: Buffer.alloc(size, filename) }, ...fields });

test('uploads and user data count together; what no longer fits is 507, and the older ones stay', async () => {
  expect((await upload('a.png', MIB / 2)).status).toBe(200);
  expect((await app.send('POST', '/userdata/b.json', { body: Buffer.alloc(MIB / 4) })).status).toBe(200);
  for (const reply of [
    await upload('c.png', MIB / 2),
    await app.send('POST', '/userdata/c.json', { body: Buffer.alloc(MIB / 2) }),
    await app.send('POST', '/userdata/c.json', {
      body: Buffer.alloc(MIB / 2),
      headers: { 'transfer-encoding': 'chunked' },
    }),
  ]) {
    expect([reply.status, reply.json().error.type]).toEqual([507, 'FILE_UNWRITABLE']);
    expect(reply.json().error.message).toMatch(
      /^Uploads may hold 1 MB together, and this one does not fit: delete files in .*input, or raise --max-uploads\.$/,
    );
  }
  expect(readdirSync(app.folders.input)).toEqual(['a.png']);
  expect(readdirSync(app.folders.temp)).toEqual([]);
  expect((await upload('d.png', MIB / 8)).status).toBe(200);
});

test('uploads to output and temp count, too', async () => {
  expect((await upload('a.png', MIB / 2, { type: 'output' })).status).toBe(200);
  expect((await upload('b.png', MIB / 4, { type: 'temp' })).status).toBe(200);
  expect((await upload('c.png', MIB / 2)).status).toBe(507);
});

test('files that were deleted by hand make room again', async () => {
  writeFileSync(join(app.folders.input, 'old.png'), Buffer.alloc(MIB));
  expect((await upload('a.png', 1000)).status).toBe(507);
  rmSync(join(app.folders.input, 'old.png'));
  while ((await upload('a.png', 1000)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(readdirSync(app.folders.input)).toEqual(['a.png']);
});

// Uploads, masks, /view; and every route that takes a name against names that would lead out.
// (protocol: Uploads; Masks; View; Security)
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import sharp from 'sharp';
import { addPngText } from '../../../../nodes/png-text.ts';
import { multipart, startApp, type TestApp } from './app-harness.ts';

let app: TestApp;
let png: Buffer;
let otherPng: Buffer;
beforeAll(async () => {
  app = await startApp({ maxUploadBytes: 200_000 });
  const raw = (alpha: number) =>
    sharp({ create: { width: 8, height: 4, channels: 4, background: { r: 255, g: 0, b: 0, alpha } } })
      .png()
      .toBuffer();
  png = addPngText(await raw(1), { prompt: '{"1":{}}' });
  otherPng = await raw(0.5);
  writeFileSync(join(app.folders.root, 'secret.txt'), 'secret');
  writeFileSync(join(app.folders.output, 'a.png'), png);
});
afterAll(() => app.close());

const file = (filename: string, bytes = png) => ({ filename, bytes });
const query = (values: Record<string, string>) => `/view?${new URLSearchParams(values)}`;

test('an upload gets its name; the same again keeps it, another content is numbered, overwrite replaces', async () => {
  const upload = (bytes: Buffer, more = {}) => app.upload('/upload/image', { image: file('x.png', bytes), ...more });
  expect((await upload(png)).json()).toEqual({ name: 'x.png', subfolder: '', type: 'input' });
  expect((await upload(png)).json().name).toBe('x.png');
  expect((await upload(otherPng)).json().name).toBe('x (1).png');
  expect((await upload(otherPng)).json().name).toBe('x (1).png');
  expect((await upload(otherPng, { overwrite: 'true' })).json().name).toBe('x.png');
  expect(readFileSync(join(app.folders.input, 'x.png')).equals(otherPng)).toBe(true);
  const deep = await upload(png, { subfolder: 'pasted/today', type: 'output' });
  expect(deep.json()).toEqual({ name: 'x.png', subfolder: 'pasted/today', type: 'output' });
  expect(readdirSync(app.folders.temp)).toEqual([]);
});

test('uploads of one name at the same moment all stay', async () => {
  const bytes = Array.from({ length: 8 }, (_, i) => Buffer.from(`content ${i}`));
  const replies = await Promise.all(bytes.map((b) => app.upload('/upload/image', { image: file('race.bin', b) })));
  const names = replies.map((reply) => reply.json().name);
  expect(new Set(names).size).toBe(8);
  for (const [i, name] of names.entries())
    expect(readFileSync(join(app.folders.input, name)).equals(bytes[i])).toBe(true);
});

test('no file, no name, no multipart, a wrong type: 400, and nothing is left', async () => {
  const before = readdirSync(app.folders.input);
  expect((await app.upload('/upload/image', { overwrite: '1' })).status).toBe(400);
  expect((await app.upload('/upload/image', { image: file('') })).status).toBe(400);
  expect((await app.upload('/upload/image', { image: file('a.png'), type: 'models' })).status).toBe(400);
  expect((await app.send('POST', '/upload/image', { body: 'x' })).status).toBe(400);
  const headers = { 'content-type': 'multipart/form-data' };
  expect((await app.send('POST', '/upload/image', { body: 'x', headers })).status).toBe(400);
  expect(readdirSync(app.folders.input)).toEqual(before);
  expect(readdirSync(app.folders.temp)).toEqual([]);
});

test('a body above the limit is 413, with its length told or not', async () => {
  const { body, contentType } = multipart({ image: file('big.bin', Buffer.alloc(300_000)) });
  const headers = { 'content-type': contentType };
  const told = await app.send('POST', '/upload/image', { body, headers });
  expect(told.status).toBe(413);
  expect(told.text).toMatch(/^Maximum request body size 200000 exceeded, actual body size \d+$/);
  const chunked = { ...headers, 'transfer-encoding': 'chunked' };
  expect((await app.send('POST', '/upload/image', { body, headers: chunked })).status).toBe(413);
  const plain = { 'transfer-encoding': 'chunked' };
  expect((await app.send('POST', '/userdata/big', { body: Buffer.alloc(300_000), headers: plain })).status).toBe(413);
  expect(readdirSync(app.folders.temp)).toEqual([]);
  expect(readdirSync(app.folders.input)).not.toContain('big.bin');
});

test('an upload that is cut off leaves nothing', async () => {
  const { body, contentType } = multipart({ image: file('cut.bin', Buffer.alloc(50_000)) });
  expect(
    (
      await app.send('POST', '/upload/image', {
        body: body.subarray(0, 30_000),
        headers: { 'content-type': contentType },
      })
    ).status,
  ).toBe(400);
  const socket = connect(app.port, '127.0.0.1');
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  const head = `POST /upload/image HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n\r\n`;
  await new Promise((resolve) => socket.write(Buffer.concat([Buffer.from(head), body.subarray(0, 30_000)]), resolve));
  await until(() => readdirSync(app.folders.temp).length > 0);
  socket.destroy();
  await until(() => readdirSync(app.folders.temp).length === 0);
  expect(readdirSync(app.folders.input)).not.toContain('cut.bin');
});

test('a mask becomes the alpha of the original, whose texts stay', async () => {
  const original_ref = JSON.stringify({ filename: 'a.png', subfolder: '', type: 'output' });
  const more = { original_ref, subfolder: 'clipspace', type: 'input' };
  const reply = await app.upload('/upload/mask', { image: file('m.png', otherPng), ...more });
  expect(reply.json()).toEqual({ name: 'm.png', subfolder: 'clipspace', type: 'input' });
  const made = readFileSync(join(app.folders.input, 'clipspace/m.png'));
  const { data } = await sharp(made).raw().toBuffer({ resolveWithObject: true });
  expect([...data.subarray(0, 4)]).toEqual([255, 0, 0, 128]);
  expect(made.includes('prompt\0{"1":{}}')).toBe(true);
});

test('a mask without, or with a bad, original is refused and nothing is written', async () => {
  const mask = { image: file('bad.png', otherPng) };
  expect((await app.upload('/upload/mask', mask)).status).toBe(400);
  expect((await app.upload('/upload/mask', { ...mask, original_ref: '{"filename":"../secret.txt"}' })).status).toBe(
    400,
  );
  expect(
    (await app.upload('/upload/mask', { ...mask, original_ref: '{"filename":"x","subfolder":"../.."}' })).status,
  ).toBe(403);
  expect((await app.upload('/upload/mask', { ...mask, original_ref: '{"filename":"gone.png"}' })).status).toBe(404);
  const wide = await sharp({ create: { width: 9, height: 4, channels: 4, background: '#fff' } })
    .png()
    .toBuffer();
  const other = await app.upload('/upload/mask', {
    image: file('bad.png', wide),
    original_ref: '{"filename":"a.png"}',
  });
  expect(other.status).toBe(400);
  expect(other.json().error.message).toContain('9 × 4');
  expect(readdirSync(app.folders.input)).not.toContain('bad.png');
  expect(readdirSync(app.folders.temp)).toEqual([]);
});

test('the stored bytes, with type, name, Range, ETag and Last-Modified', async () => {
  const reply = await app.get(query({ filename: 'a.png' }));
  expect(reply.body.equals(png)).toBe(true);
  expect(reply.headers).toMatchObject({ 'content-type': 'image/png', 'content-disposition': 'filename="a.png"' });
  expect(reply.headers['last-modified']).toBeDefined();
  const part = await app.get(query({ filename: 'a.png' }), { range: 'bytes=1-3' });
  expect(part).toMatchObject({ status: 206, text: 'PNG' });
  expect((await app.get(query({ filename: 'a.png' }), { 'if-none-match': String(reply.headers.etag) })).status).toBe(
    304,
  );
  expect((await app.get(query({ filename: 'a.png' }), { range: 'bytes=999999-' })).status).toBe(416);
  expect((await app.get(query({ filename: 'a.png [output]', type: 'input', rand: '0.5' }))).status).toBe(200);
});

test('what is missing or wrong in GET /view', async () => {
  const statuses: [string, number][] = [
    ['/view', 404],
    [query({ filename: '' }), 400],
    [query({ filename: '/a.png' }), 400],
    [query({ filename: 'a..png' }), 400],
    [query({ filename: 'a.png', type: 'models' }), 400],
    [query({ filename: 'a.png', subfolder: '../output' }), 403],
    [query({ filename: 'gone.png' }), 404],
    [query({ filename: 'a.png', subfolder: 'gone' }), 404],
    [query({ filename: 'elsewhere/a.png' }), 200],
  ];
  for (const [path, status] of statuses) expect([path, (await app.get(path)).status]).toEqual([path, status]);
});

test('previews and channels are encoded anew', async () => {
  writeFileSync(join(app.folders.output, 'half.png'), otherPng);
  const formats: [Record<string, string>, string][] = [
    [{ preview: 'webp;90' }, 'webp'],
    [{ preview: 'jpeg;80' }, 'jpeg'],
    [{ preview: 'gif' }, 'webp'],
    [{ preview: 'jpeg', channel: 'rgba' }, 'webp'],
    [{ channel: 'rgb' }, 'png'],
    [{ channel: 'a' }, 'png'],
  ];
  for (const [values, format] of formats) {
    const reply = await app.get(query({ filename: 'half.png', ...values }));
    expect([values, reply.headers['content-type']]).toEqual([values, `image/${format}`]);
    expect((await sharp(reply.body).metadata()).format).toBe(format);
  }
  const alpha = await app.get(query({ filename: 'half.png', channel: 'a' }));
  expect([...(await sharp(alpha.body).raw().toBuffer()).subarray(0, 4)]).toEqual([0, 0, 0, 128]);
  const opaque = await app.get(query({ filename: 'half.png', channel: 'rgb' }));
  expect((await sharp(opaque.body).metadata()).channels).toBe(3);
  writeFileSync(join(app.folders.output, 'text.txt'), 'no picture');
  expect((await app.get(query({ filename: 'text.txt', preview: 'webp' }))).json().error.type).toBe('IMAGE_UNREADABLE');
});

test('a picture of too many pixels is not decoded', async () => {
  const huge = Buffer.from(png);
  huge.writeUInt32BE(60_000, 16);
  huge.writeUInt32BE(60_000, 20);
  writeFileSync(join(app.folders.output, 'huge.png'), huge);
  expect((await app.get(query({ filename: 'huge.png', preview: 'webp' }))).status).toBeGreaterThanOrEqual(400);
});

test('files that a browser would run come as downloads', async () => {
  for (const name of ['x.html', 'x.xhtml', 'x.js', 'x.mjs', 'x.css', 'x.svg', 'x.xml', 'x.eml', 'X.HTM']) {
    await app.upload('/upload/image', { image: file(name, Buffer.from('<script>')) });
    const reply = await app.get(query({ filename: name, type: 'input' }));
    expect([name, reply.headers['content-type']]).toEqual([name, 'application/octet-stream']);
    expect(reply.headers['content-disposition']).toBe(`attachment; filename="${name}"`);
  }
  const shown = await app.get(query({ filename: 'x.svg', type: 'input' }), { 'sec-fetch-dest': 'image' });
  expect(shown.headers).toMatchObject({
    'content-type': 'image/svg+xml',
    vary: 'Sec-Fetch-Dest',
    'cache-control': 'no-store',
  });
});

const BAD_NAMES = [
  '../secret.txt',
  '../../secret.txt',
  '..\\secret.txt',
  '/etc/passwd',
  'C:\\x',
  'C:/x',
  '\\\\host\\share',
  'link/secret.txt',
  'link.txt',
  'a\0.png',
  'CON',
  'nul.txt',
  'sub/../../secret.txt',
  '....//secret.txt',
  'x'.repeat(300),
  'a\r\nb',
];
const encoded = (name: string) => encodeURIComponent(name);
const doors: [string, (name: string) => Promise<{ status: number; text: string }>][] = [
  ['GET /view filename', (name) => app.get(`/view?type=input&filename=${encoded(name)}`)],
  ['GET /view subfolder', (name) => app.get(`/view?type=input&filename=secret.txt&subfolder=${encoded(name)}`)],
  ['POST /upload/image subfolder', (name) => app.upload('/upload/image', { image: file('n.png'), subfolder: name })],
  ['GET /userdata/{file}', (name) => app.get(`/userdata/${encoded(name)}`)],
  ['POST /userdata/{file}', (name) => app.send('POST', `/userdata/${encoded(name)}`, { body: 'overwritten' })],
  ['DELETE /userdata/{file}', (name) => app.send('DELETE', `/userdata/${encoded(name)}`)],
  ['POST /userdata/{file}/move', (name) => app.send('POST', `/userdata/mine.txt/move/${encoded(name)}`)],
  ['GET /userdata dir', (name) => app.get(`/userdata?dir=${encoded(name)}`)],
  ['GET /v2/userdata path', (name) => app.get(`/v2/userdata?path=${encoded(name)}`)],
  ['GET /view_metadata', (name) => app.get(`/view_metadata/loras?filename=${encoded(`${name}.safetensors`)}`)],
  ['GET /experiment/models/preview', (name) => app.get(`/experiment/models/preview/loras/0/${encoded(name)}`)],
  ['GET /models/{folder}', (name) => app.get(`/models/${encoded(name)}`)],
  ['GET /docs', (name) => app.get(`/docs/${encoded(name)}/en.md`)],
  ['GET /templates', (name) => app.get(`/templates/${encoded(name)}`)],
  ['GET /schemas', (name) => app.get(`/schemas/${encoded(name)}`)],
];

test.each(doors)('%s lets no name out of its folder', async (_door, knock) => {
  mkdirSync(join(app.folders.user, 'default'), { recursive: true });
  writeFileSync(join(app.folders.user, 'default/mine.txt'), 'mine');
  for (const folder of [app.folders.input, join(app.folders.user, 'default'), app.folders.models]) {
    try {
      symlinkSync(app.folders.root, join(folder, 'link'));
      symlinkSync(join(app.folders.root, 'secret.txt'), join(folder, 'link.txt'));
    } catch {} // there from the last round
  }
  for (const name of BAD_NAMES) {
    const reply = await knock(name);
    expect([name, reply.status >= 400 && reply.status < 500]).toEqual([name, true]);
    expect(reply.text).not.toBe('secret');
  }
  expect(readFileSync(join(app.folders.root, 'secret.txt'), 'utf8')).toBe('secret');
});

/** Waits for a state of the disk that the server reaches by itself. */
async function until(reached: () => boolean): Promise<void> {
  for (let tries = 0; !reached(); tries++) {
    if (tries > 500) throw new Error('the state did not come');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

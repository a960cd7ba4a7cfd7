// How the studio is served: where it stands, under which policy, compressed, cached; and the form for a token.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { startApp, type TestApp } from './app-harness.ts';

const TOKEN = 'correct-horse-battery';
const script = 'export const words = 1;\n'.repeat(50);
let folder: string;
let app: TestApp;
let unbuilt: TestApp;
let withFrontEnd: TestApp;
let withToken: TestApp;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'studio-'));
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<pez-studio></pez-studio>');
  writeFileSync(join(folder, 'icon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  writeFileSync(join(folder, 'assets/index-DJtziv7b.js'), script);
  writeFileSync(join(folder, 'assets/index-DJtziv7b.js.br'), brotliCompressSync(script));
  writeFileSync(join(folder, 'assets/index-DJtziv7b.js.gz'), gzipSync(script));
  app = await startApp({ studio: folder });
  unbuilt = await startApp();
  withFrontEnd = await startApp({ studio: folder, frontEndRoot: folder });
  withToken = await startApp({ studio: folder, token: TOKEN });
});
afterAll(async () => {
  for (const each of [app, unbuilt, withFrontEnd, withToken]) await each?.close();
  rmSync(folder, { recursive: true });
});

test('the studio is at /studio, at / where no front end is, and what the server offers is at /about', async () => {
  for (const path of ['/', '/studio', '/studio/', '/studio/index.html']) {
    const page = await app.get(path);
    expect([path, page.status, page.text, page.headers['cache-control']]).toEqual([
      path,
      200,
      '<pez-studio></pez-studio>',
      'no-store',
    ]);
    expect(page.headers['content-security-policy']).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self';/,
    );
    expect(page.headers['content-security-policy']).not.toMatch(/unsafe|https?:|\*/);
  }
  expect((await app.get('/about')).text).toContain('LoadImage');
  expect((await withFrontEnd.get('/studio')).text).toBe('<pez-studio></pez-studio>');
  expect((await withFrontEnd.get('/')).headers['content-security-policy']).toBeUndefined();
});

test('without a build, / is what the server offers, and /studio says what to do', async () => {
  expect((await unbuilt.get('/')).text).toContain('LoadImage');
  expect(await unbuilt.get('/studio')).toMatchObject({
    status: 404,
    text: 'The studio has not been built: run npm run build.',
  });
  expect((await unbuilt.get('/studio/icon.svg')).status).toBe(404);
});

test('scripts come compressed as the client takes them, and are kept for good', async () => {
  const path = '/studio/assets/index-DJtziv7b.js';
  const plain = await app.get(path);
  expect(plain.text).toBe(script);
  expect(plain.headers).toMatchObject({
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control': 'public, max-age=31536000, immutable',
    vary: 'Accept-Encoding',
  });
  const gzip = await app.get(path, { 'accept-encoding': 'gzip, deflate' });
  expect([gzip.headers['content-encoding'], gunzipSync(gzip.body).toString()]).toEqual(['gzip', script]);
  expect((await app.get(path, { 'accept-encoding': 'gzip, br' })).headers['content-encoding']).toBe('br');
  expect((await app.get(path, { 'accept-encoding': 'br;q=0' })).headers['content-encoding']).toBeUndefined();
  const icon = await app.get('/studio/icon.svg', { 'accept-encoding': 'br' });
  expect([icon.headers['content-encoding'], icon.headers['cache-control']]).toEqual([undefined, 'no-cache']);
});

test('nothing outside the folder is served, and what is missing is 404', async () => {
  for (const path of [
    '/studio/gone.js',
    '/studio/assets',
    '/studio/..%2f..%2fetc%2fpasswd',
    '/studio/%2e%2e/secret',
    '/studio/assets%2findex-DJtziv7b.js',
    '/studio/assets/',
  ])
    expect([path, (await app.get(path)).status]).toEqual([path, 404]);
  expect((await app.send('POST', '/studio')).status).toBe(405);
});

test('a browser without the token is shown a form; a wrong one is said; programs are told in plain text', async () => {
  const html = { accept: 'text/html,application/xhtml+xml' };
  const asked = await withToken.get('/studio', html);
  expect([asked.status, asked.headers['www-authenticate']]).toEqual([401, 'Bearer realm="pez-nodes"']);
  expect(asked.text).toContain('<form method="get" action="/studio">');
  expect(asked.text).not.toMatch(/<script|\son\w+=/);
  expect(asked.headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'nonce-/);
  expect((await withToken.get('/?token=wrong"><b>', html)).text).toContain('That is not this server’s token.');
  expect((await withToken.get('/?token=wrong"><b>', html)).text).not.toContain('<b>');
  expect((await withToken.get('/studio')).text).toMatch(/^This server asks for its token: open/);
  expect((await withToken.get('/queue', html)).text).toMatch(/^This server asks for its token: open/);
  const led = await withToken.get(`/studio?token=${TOKEN}&a=1`, html);
  expect([led.status, led.headers.location]).toEqual([303, '/studio?a=1']);
  const [cookie] = led.headers['set-cookie'] ?? [];
  expect((await withToken.get('/studio', { ...html, cookie: cookie.split(';')[0] })).text).toBe(
    '<pez-studio></pez-studio>',
  );
});

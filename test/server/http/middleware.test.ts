// What holds for every route (protocol: Every route; Packs and templates).
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { errorCodes, InputError } from '../../../engine/errors.ts';
import { cacheControlOf } from '../../../server/http/middleware.ts';
import { startApp, type TestApp } from './routes/app-harness.ts';

const examplePack = join(import.meta.dirname, '../../../docs/example-pack');
let root: string;
let app: TestApp;
let withFrontEnd: TestApp;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'front-'));
  mkdirSync(join(root, 'extensions/core'), { recursive: true });
  writeFileSync(join(root, 'index.html'), '<p>front end</p>');
  writeFileSync(join(root, 'app.js'), 'let a');
  writeFileSync(join(root, 'logo.png'), 'png');
  writeFileSync(join(root, 'extensions/core/x.js'), 'let x');
  symlinkSync('/etc', join(root, 'etc'));
  const router = express
    .Router()
    .get('/api/jobs', (_req, res) => void res.send('jobs'))
    .get('/breaks', () => {
      throw new Error('inner secret');
    })
    .get('/mendable', () => {
      throw new InputError('OPTION_INVALID', 'steps must be a number.');
    })
    .get('/fails/:code', (req) => {
      throw new InputError(req.params.code as keyof typeof errorCodes, 'It fails.');
    });
  app = await startApp({ router, packDirs: [examplePack] });
  withFrontEnd = await startApp({ frontEndRoot: root });
});
afterAll(async () => {
  await app.close();
  await withFrontEnd.close();
  rmSync(root, { recursive: true });
});

test('routes answer at their path and below /api; /internal and static mounts only at their path', async () => {
  for (const path of ['/features', '/users', '/object_info', '/models', '/settings', '/extensions', '/i18n'])
    for (const prefix of ['', '/api']) expect([path, (await app.get(prefix + path)).status]).toEqual([path, 200]);
  expect((await app.get('/api/jobs')).text).toBe('jobs');
  expect((await app.get('/api/api/jobs')).text).toBe('jobs');
  for (const path of ['/jobs', '/api/internal/logs', '/api/templates/index.json', '/api/docs/LoadImage/en.md', '/api/'])
    expect([path, (await app.get(path)).status]).toEqual([path, 404]);
});

test('Cache-Control by path and status is ComfyUI’s', () => {
  const day = 'public, max-age=86400';
  const cases: [path: string, status: number, value: string | undefined][] = [
    ['/assets/index-vtow2bzT.js', 200, 'public, max-age=31536000, immutable'],
    ['/assets/style-12345678.css', 200, 'public, max-age=31536000, immutable'],
    ['/assets/logo-Ab_d-f1h.png', 200, 'public, max-age=31536000, immutable'],
    ['/assets/index-vtow2bzT.js', 404, 'no-store'],
    ['/assets/index-vtow2bzT.js', 304, 'no-store'],
    ['/assets/node-settings.js', 200, 'no-store'],
    ['/assets/sub/index-vtow2bzT.js', 200, 'no-store'],
    ['/other/index-vtow2bzT.js', 200, 'no-store'],
    ['/app.mjs', 200, 'no-store'],
    ['/templates/index.de.json', 200, 'no-store'],
    ['/templates/other.json', 200, undefined],
    ['/fonts/a.woff2', 200, day],
    ['/fonts/a.ttf', 404, day],
    ['/a.PNG', 200, day],
    ['/a.png', 206, day],
    ['/a.png', 301, day],
    ['/a.png', 302, 'no-cache'],
    ['/a.png', 304, undefined],
    ['/a.png', 404, 'public, max-age=3600'],
    ['/a.png', 500, undefined],
    ['/view', 200, undefined],
  ];
  for (const [path, status, value] of cases)
    expect([path, status, cacheControlOf(path, status)]).toEqual([path, status, value]);
});

test('the content type of JSON is ignored', async () => {
  const headers = { 'content-type': 'text/plain;charset=UTF-8' };
  expect((await app.send('POST', '/api/settings', { body: '{"a":1}', headers })).status).toBe(200);
  expect((await app.get('/settings/a')).json()).toBe(1);
});

test('malformed JSON is 400, and says so', async () => {
  for (const body of ['', '{', '[1']) {
    const reply = await app.send('POST', '/settings', { body });
    expect(reply.status).toBe(400);
    expect(reply.json().error).toMatch(/must be JSON/);
  }
});

test('unknown path 404, wrong method 405, in plain text; HEAD like GET; OPTIONS 200 empty', async () => {
  expect(await app.get('/nowhere')).toMatchObject({ status: 404, text: '404: Not Found' });
  expect(await app.send('DELETE', '/api/settings')).toMatchObject({ status: 405, text: '405: Method Not Allowed' });
  expect((await app.send('POST', '/internal/logs')).status).toBe(405);
  const head = await app.send('HEAD', '/features');
  expect(head).toMatchObject({ status: 200, text: '' });
  expect(Number(head.headers['content-length'])).toBeGreaterThan(10);
  for (const path of ['/', '/prompt', '/nowhere'])
    expect(await app.send('OPTIONS', path)).toMatchObject({ status: 200, text: '' });
});

test('"200 empty" has length 0 and is application/octet-stream', async () => {
  const reply = await app.send('POST', '/settings/b', { body: '2' });
  expect(reply).toMatchObject({ status: 200, text: '' });
  expect(reply.headers).toMatchObject({ 'content-length': '0', 'content-type': 'application/octet-stream' });
});

test('a parameter is one raw segment, decoded once', async () => {
  expect((await app.send('POST', '/userdata/workflows%2Fa%2520b.json', { body: '{}' })).json()).toBe(
    'workflows/a%20b.json',
  );
  expect((await app.get('/api/userdata/workflows%2Fa%2520b.json')).text).toBe('{}');
  expect((await app.get('/userdata/workflows/a%2520b.json')).status).toBe(404);
  expect((await app.get('/userdata/%E0%A4%A')).status).toBe(400);
});

test('cache headers of the page, of code, of pictures', async () => {
  const page = await withFrontEnd.get('/');
  expect(page.text).toBe('<p>front end</p>');
  expect(page.headers).toMatchObject({
    'cache-control': 'no-store, must-revalidate',
    pragma: 'no-cache',
    expires: '0',
  });
  expect((await withFrontEnd.get('/app.js')).headers['cache-control']).toBe('no-store');
  expect((await withFrontEnd.get('/logo.png')).headers['cache-control']).toBe('public, max-age=86400');
  expect((await withFrontEnd.get('/gone.png')).headers['cache-control']).toBe('public, max-age=3600');
  expect((await app.get('/templates/index.json')).headers['cache-control']).toBe('no-store');
});

test('missing files of a front end are 404, never the page; nothing outside is served', async () => {
  for (const path of [
    '/workflows/x',
    '/gone.js',
    '/etc/passwd',
    '/..%2f..%2fetc%2fpasswd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/extensions',
    '/a%00b',
  ])
    if (path !== '/extensions') expect([path, (await withFrontEnd.get(path)).status]).toEqual([path, 404]);
  expect((await withFrontEnd.get('/extensions')).json()).toEqual(['/extensions/core/x.js']);
  expect((await withFrontEnd.get('/extensions/core/x.js')).text).toBe('let x');
});

test('errors that a user can mend are JSON; others show nothing from inside and are logged', async () => {
  const mendable = await app.get('/mendable');
  expect(mendable.status).toBe(400);
  expect(mendable.json()).toEqual({
    error: { type: 'OPTION_INVALID', message: 'steps must be a number.', details: '', extra_info: {} },
  });
  const broken = await app.get('/breaks');
  expect(broken.status).toBe(500);
  expect(broken.text).not.toContain('secret');
  expect(
    app.log
      .entries()
      .map(({ m }) => m)
      .join(''),
  ).toContain('inner secret');
});

test('every error code has the status that docs/protocol.md gives it, 400 unless it says otherwise', async () => {
  const document = readFileSync(join(import.meta.dirname, '../../../docs/protocol.md'), 'utf8');
  const told = Object.fromEntries(
    [...document.matchAll(/(\d{3})\s+\(`([A-Z_]+)`\)/g)].map(([, status, code]) => [code, Number(status)]),
  );
  const codes = Object.keys(errorCodes);
  const statuses = await Promise.all(codes.map(async (code) => (await app.get(`/fails/${code}`)).status));
  const unusual = codes.map((code, i) => [code, statuses[i]] as const).filter(([, status]) => status !== 400);
  expect(Object.fromEntries(unusual)).toEqual(told);
});

test('405 names the methods of every route with that path, also below /api', async () => {
  expect((await app.send('DELETE', '/api/settings')).headers.allow).toBe('GET, POST');
  expect((await app.send('PATCH', '/userdata/a.json')).headers.allow).toBe('GET, POST, DELETE');
  expect((await app.send('POST', '/internal/logs')).headers.allow).toBe('GET');
  expect((await app.get('/nowhere')).headers.allow).toBeUndefined();
});

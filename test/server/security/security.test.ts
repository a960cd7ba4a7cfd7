// Who may ask (Host, Origin), and what a browser is told about the answers (protocol: Security).

import { connect } from 'node:net';
import { createRequestCheck, filenameParameter, isDangerousType } from '../../../server/security.ts';
import { type Reply, startApp, type TestApp } from '../http/routes/app-harness.ts';

const check = (options: Partial<Parameters<typeof createRequestCheck>[0]> = {}) => {
  const run = createRequestCheck({ listen: '127.0.0.1', allowedHosts: [], ...options });
  return (headers: Record<string, string>) => run({ headers }).ok;
};

test('Host must be loopback, the bound address, or allowed', () => {
  const plain = check();
  for (const host of [
    'localhost',
    'localhost:8188',
    '127.0.0.1:1',
    '127.9.9.9',
    '[::1]:8188',
    'LOCALHOST.:3',
    'a.localhost',
  ])
    expect([host, plain({ host })]).toEqual([host, true]);
  for (const host of [
    'evil.example',
    'localhost.evil.example:8188',
    '10.0.0.1',
    '127.0.0.1.evil.example',
    '127.0.0.999',
    '127.0.0.1.1',
    '127.1',
    '::ffff:127.0.0.999',
    '',
    'a b',
    'localhost:x',
    'user@localhost',
  ])
    expect([host, plain({ host })]).toEqual([host, false]);
  expect(check({ allowedHosts: ['Pez.Example'] })({ host: 'pez.example:80' })).toBe(true);
  expect(check({ listen: '192.168.1.5' })({ host: '192.168.1.5:8188' })).toBe(true);
  const wild = check({ listen: '0.0.0.0' });
  expect(wild({ host: '192.168.1.5:8188' })).toBe(true);
  expect(wild({ host: 'rebinding.example:8188' })).toBe(false);
});

test('two Host headers are refused, also if both are allowed', () => {
  const run = createRequestCheck({ listen: '127.0.0.1', allowedHosts: [] });
  const headers = { host: 'localhost' };
  expect(run({ headers, rawHeaders: ['Host', 'localhost', 'Accept', 'host'] })).toEqual({ ok: true });
  for (const second of ['evil.example', 'localhost'])
    expect(run({ headers, rawHeaders: ['Host', 'localhost', 'hOsT', second] })).toMatchObject({
      ok: false,
      status: 400,
    });
});

test('Origin must be this server, or the allowed one; null never', () => {
  const host = 'localhost:8188';
  const plain = check();
  expect(plain({ host, origin: 'http://localhost:8188' })).toBe(true);
  expect(plain({ host: 'localhost', origin: 'https://localhost' })).toBe(true);
  for (const origin of [
    'null',
    'http://localhost:3000',
    'http://localhost',
    'http://evil.example',
    'http://127.0.0.1:8188',
    'file://',
    'http://localhost:8188.evil.example',
  ])
    expect([origin, plain({ host, origin })]).toEqual([origin, false]);
  const cors = check({ corsOrigin: 'http://a.example' });
  expect(cors({ host, origin: 'http://a.example', 'sec-fetch-site': 'cross-site' })).toBe(true);
  expect(cors({ host, origin: 'http://b.example' })).toBe(false);
  expect(check({ corsOrigin: '*' })({ host, origin: 'http://b.example' })).toBe(true);
  expect(check({ corsOrigin: '*' })({ host, origin: 'null' })).toBe(false);
});

test('what another site asks for is refused by Sec-Fetch-Site, too', () => {
  expect(check()({ host: 'localhost', 'sec-fetch-site': 'cross-site' })).toBe(false);
  expect(check()({ host: 'localhost', 'sec-fetch-site': 'same-origin' })).toBe(true);
  expect(check()({ host: 'localhost', 'sec-fetch-site': 'none' })).toBe(true);
});

test('types that a browser would run are dangerous, pictures are not', () => {
  const dangerous = [
    'text/html',
    'TEXT/HTML; charset=utf-8',
    'application/xhtml+xml',
    'text/javascript',
    'application/javascript',
  ];
  for (const type of [
    ...dangerous,
    'text/css',
    'image/svg+xml',
    'text/xml',
    'application/rss+xml',
    'message/rfc822',
    'application/xml-dtd',
  ])
    expect([type, isDangerousType(type)]).toEqual([type, true]);
  for (const type of ['image/png', 'text/plain', 'application/json', 'video/mp4', 'application/octet-stream'])
    expect([type, isDangerousType(type)]).toEqual([type, false]);
});

test('names in headers can not break out of their quotes', () => {
  expect(filenameParameter('a"b\\c.png')).toBe('filename="a\\"b\\\\c.png"');
  expect(filenameParameter('ü\r\n.png')).toBe(`filename="___.png"; filename*=UTF-8''%C3%BC%0D%0A.png`);
});

describe('over HTTP', () => {
  let app: TestApp;
  let open: TestApp;
  beforeAll(async () => {
    app = await startApp();
    open = await startApp({ corsOrigin: 'http://a.example' });
  });
  afterAll(async () => {
    await app.close();
    await open.close();
  });

  test('a foreign Host gets 403 and the name of the flag, on every route', async () => {
    for (const path of ['/', '/object_info', '/api/settings', '/nowhere']) {
      const reply = await app.get(path, { host: 'evil.example' });
      expect([path, reply.status]).toEqual([path, 403]);
      expect(reply.text).toContain('--allow-host');
    }
  });

  test('two Host headers get 400', async () => {
    const socket = connect(app.port, '127.0.0.1');
    socket.end(`GET /features HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n`);
    let reply = '';
    for await (const piece of socket) reply += piece;
    expect(reply).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n.*A request has one Host header\.$/s);
  });

  test('state does not change for a foreign page', async () => {
    for (const origin of ['http://evil.example', 'null']) {
      const reply = await app.send('POST', '/settings/a', { body: '1', headers: { origin } });
      expect(reply.status).toBe(403);
    }
    expect((await app.get('/settings')).json()).toEqual({});
  });

  test('headers of every answer; those of CORS only where it was asked for', async () => {
    const reply = await app.get('/features');
    expect(reply.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'SAMEORIGIN' });
    expect(reply.headers['access-control-allow-origin']).toBeUndefined();
    expect(reply.headers['x-powered-by']).toBeUndefined();
    const preflight: Reply = await open.send('OPTIONS', '/prompt', { headers: { origin: 'http://a.example' } });
    expect(preflight).toMatchObject({ status: 200, text: '' });
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': 'http://a.example',
      'access-control-allow-methods': 'POST, GET, DELETE, PUT, OPTIONS, PATCH',
      'access-control-allow-headers': 'Content-Type, Authorization, Idempotency-Key',
      'access-control-allow-credentials': 'true',
    });
  });
});

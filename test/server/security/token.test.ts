// A server with a token, over real sockets: what shows it, what does not, and where it must never be seen (protocol: Token).
import { readFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { createServers } from '../../../server/listeners.ts';
import { serverDefaults } from '../../../server/options.ts';
import { withoutToken } from '../../../server/token.ts';
import { type HttpClient, httpClient } from '../../helpers/http.ts';
import { startTestServer, type TestServer } from '../../helpers/server.ts';
import { refusal, testSocket } from '../../helpers/socket.ts';

const TOKEN = 'correct-horse-battery';
const tls = {
  certFile: join(import.meta.dirname, '../../fixtures/tls/cert.pem'),
  keyFile: join(import.meta.dirname, '../../fixtures/tls/key.pem'),
};

let server: TestServer;
let http: HttpClient;
beforeAll(async () => {
  server = await startTestServer({ token: TOKEN, corsOrigin: 'http://a.example' });
  http = httpClient(server.port);
});
afterAll(async () => {
  http.close();
  await server.close();
});

const bearer = { authorization: `Bearer ${TOKEN}` };
const cookieOf = async (): Promise<string> => {
  const [cookie] = (await http.get(`/?token=${TOKEN}`)).headers['set-cookie'] ?? [];
  return cookie.split(';')[0];
};

const ROUTES: [string, string][] = [
  ['GET', '/'],
  ['GET', '/prompt'],
  ['GET', '/queue'],
  ['GET', '/history'],
  ['GET', '/api/jobs'],
  ['GET', '/object_info'],
  ['GET', '/system_stats'],
  ['GET', '/features'],
  ['GET', '/view?filename=tiger.png&type=input'],
  ['GET', '/users'],
  ['GET', '/settings'],
  ['GET', '/v2/userdata'],
  ['GET', '/models'],
  ['GET', '/internal/logs'],
  ['GET', '/internal/folder_paths'],
  ['GET', '/extensions/pez-nodes/x.js'],
  ['GET', '/templates/index.json'],
  ['GET', '/schemas'],
  ['GET', '/nowhere'],
  ['HEAD', '/features'],
  ['POST', '/prompt'],
  ['POST', '/queue'],
  ['POST', '/interrupt'],
  ['POST', '/free'],
  ['POST', '/upload/image'],
  ['POST', '/settings/a'],
  ['POST', '/userdata/a.json'],
  ['DELETE', '/userdata/a.json'],
  ['PATCH', '/internal/logs/subscribe'],
];

test.each(ROUTES)('%s %s wants the token, at its path and below /api', async (method, path) => {
  for (const target of [path, `/api${path}`]) {
    const reply = await http.send(method, target);
    expect([target, reply.status, reply.headers['www-authenticate']]).toEqual([
      target,
      401,
      'Bearer realm="pez-nodes"',
    ]);
  }
});

test.each<[string, Record<string, string>]>([
  ['nothing', {}],
  ['another token', { authorization: 'Bearer correct-horse-batterx' }],
  ['half of the token', { authorization: 'Bearer correct-horse' }],
  ['the token and more', { authorization: `Bearer ${TOKEN}x` }],
  ['an empty one', { authorization: 'Bearer ' }],
  ['another scheme', { authorization: `Basic ${TOKEN}` }],
  ['the token as cookie', { cookie: `pez-nodes=${TOKEN}` }],
])('%s opens nothing', async (_what, headers) => {
  expect((await http.get('/features', headers)).status).toBe(401);
  expect(await refusal(`${server.url.replace('http', 'ws')}/ws`, { headers })).toEqual([
    401,
    expect.stringMatching(/^This server asks for its token/),
  ]);
});

test('the token in the query opens no route but the page, and not by POST', async () => {
  for (const path of ['/features', '/api/features', '/view', '/index.html'])
    expect([path, (await http.get(`${path}?token=${TOKEN}`)).status]).toEqual([path, 401]);
  expect((await http.post(`/?token=${TOKEN}`, '')).status).toBe(401);
  expect((await http.get('/?token=wrong')).status).toBe(401);
});

test('Authorization: Bearer opens every route', async () => {
  for (const path of ['/', '/features', '/api/queue', '/internal/logs'])
    expect([path, (await http.get(path, bearer)).status]).toEqual([path, 200]);
});

test('a browser gets a cookie that scripts and other sites cannot use, and an address without the token', async () => {
  const reply = await http.get(`/?a=1&token=${TOKEN}&b=2`);
  expect([reply.status, reply.headers.location, reply.headers['cache-control']]).toEqual([
    303,
    '/?a=1&b=2',
    'no-store',
  ]);
  expect((await http.get(`/?token=${TOKEN}`)).headers.location).toBe('/');
  const [cookie] = reply.headers['set-cookie'] ?? [];
  expect(cookie).toMatch(new RegExp(`^pez-nodes-${server.port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`));
  expect(cookie).not.toContain(TOKEN);
  const headers = { cookie: `other=1; ${cookie.split(';')[0]}; more=2` };
  expect((await http.get('/', headers)).text).toContain('<title>pez-nodes</title>');
  expect((await http.get('/features', headers)).status).toBe(200);
  expect((await http.post('/interrupt', '', headers)).status).toBe(200);
});

test('a socket opens with the header, the cookie or the query', async () => {
  const ws = `${server.url.replace('http', 'ws')}/ws?clientId=a`;
  for (const [url, headers] of [
    [ws, bearer],
    [ws, { cookie: await cookieOf() }],
    [`${ws}&token=${TOKEN}`, {}],
  ] as const) {
    const socket = testSocket(url, { headers });
    expect(await socket.nextOf('status')).toMatchObject({ data: { sid: 'a' } });
    await socket.close();
  }
  expect((await refusal(`${ws}&token=wrong`))[0]).toBe(401);
});

test('the token does not lift the checks of Host and Origin', async () => {
  const cookie = await cookieOf();
  for (const headers of [bearer, { cookie }]) {
    expect((await http.get('/features', { ...headers, origin: 'http://evil.example' })).status).toBe(403);
    expect((await http.get('/features', { ...headers, host: 'evil.example' })).status).toBe(403);
  }
});

test('a page that may talk to the server asks for permission without the token', async () => {
  const preflight = { origin: 'http://a.example', 'access-control-request-headers': 'authorization' };
  const reply = await http.send('OPTIONS', '/prompt', { headers: preflight });
  expect([reply.status, reply.text, reply.headers['access-control-allow-headers']]).toEqual([
    200,
    '',
    'Content-Type, Authorization, Idempotency-Key',
  ]);
  expect((await http.get('/features', { origin: 'http://a.example' })).status).toBe(401);
});

test('neither log, command line nor errors show the token', async () => {
  const cookie = await cookieOf();
  await http.get(`/%ff?token=${TOKEN}`, bearer);
  await http.post(`/prompt?token=${TOKEN}`, '{"prompt": {}}', bearer);
  await http.get(`/view?filename=${TOKEN}&token=${TOKEN}`, bearer);
  const seen = [
    ...['/internal/logs', '/internal/logs/raw', '/system_stats', '/', '/settings'].map((path) =>
      http.get(path, bearer),
    ),
    http.get(`/?token=${TOKEN}x`),
  ];
  for (const { text } of await Promise.all(seen)) {
    expect(text).not.toContain(TOKEN);
    expect(text).not.toContain(cookie.split('=')[1]);
  }
  expect(server.log.join('')).not.toContain(TOKEN);
  expect(withoutToken(['serve', '--token', TOKEN, `--token=${TOKEN}`, '--port', '1'])).toEqual([
    'serve',
    '--token',
    '***',
    '--token=***',
    '--port',
    '1',
  ]);
});

describe('where a server may listen', () => {
  const attempt = (options: object) => startTestServer({ listen: '0.0.0.0', ...options });

  test.each(['0.0.0.0', '::', '192.0.2.1', 'my-computer', '127.0.0.1,0.0.0.0'])(
    'beyond loopback (%s) only with a token, or with --insecure',
    async (listen) => {
      await expect(attempt({ listen })).rejects.toMatchObject({
        code: 'OPTION_INVALID',
        message: expect.stringMatching(/^Others can reach .*: give a --token .* or allow everyone with --insecure\.$/),
      });
    },
  );

  test('with --insecure it says what that means', async () => {
    const open = await attempt({ insecure: true });
    try {
      expect(open.log.join('')).toContain('everyone who can reach 0.0.0.0 may use this server');
      expect((await fetch(`http://127.0.0.1:${open.port}/features`)).status).toBe(200);
    } finally {
      await open.close();
    }
  });

  test('with a token it says that nothing is encrypted, until TLS is there', async () => {
    for (const [options, warns] of [
      [{}, true],
      [{ tls }, false],
    ] as const) {
      const open = await attempt({ token: TOKEN, ...options });
      try {
        expect(open.log.join('').includes('is not encrypted, the token included: see --tls-cert')).toBe(warns);
      } finally {
        await open.close();
      }
    }
  });

  test.each(['', 'short', 'x'.repeat(15), 'with spaces in it, long', 'ümlaute-ümlaute-ümlaute'])(
    'the token %j is refused, and not shown',
    async (token) => {
      const refused = await attempt({ token }).catch((error: Error & { code?: string }) => error);
      expect(refused).toMatchObject({ code: 'OPTION_INVALID', message: expect.stringContaining('at least 16') });
      if (token) expect((refused as Error).message).not.toContain(token);
    },
  );
});

describe('with TLS', () => {
  let secure: TestServer;
  beforeAll(async () => {
    secure = await startTestServer({ token: TOKEN, tls });
  });
  afterAll(() => secure.close());

  const get = (path: string, headers = {}) =>
    new Promise<{ status?: number; headers: Record<string, unknown> }>((resolve, reject) => {
      const options = { port: secure.port, path, headers, ca: readFileSync(tls.certFile), agent: false };
      httpsRequest(options, (response) => {
        response.resume();
        resolve({ status: response.statusCode, headers: response.headers });
      })
        .on('error', reject)
        .end();
    });

  test('it speaks https, the cookie goes nowhere else, and sockets work', async () => {
    expect(secure.url).toBe(`https://127.0.0.1:${secure.port}`);
    expect((await get('/features')).status).toBe(401);
    expect((await get('/features', bearer)).status).toBe(200);
    const reply = await get(`/?token=${TOKEN}`);
    expect([reply.status, String(reply.headers['set-cookie'])]).toEqual([303, expect.stringMatching(/; Secure$/)]);
    const socket = testSocket(`wss://localhost:${secure.port}/ws?token=${TOKEN}`, { ca: readFileSync(tls.certFile) });
    await socket.nextOf('status');
    await socket.close();
  });

  test('a certificate or key that cannot be used is named', () => {
    const options = { ...serverDefaults };
    expect(() => createServers({ ...options, tls: { ...tls, certFile: '/nowhere.pem' } })).toThrow(
      /^--tls-cert \/nowhere\.pem cannot be read: ENOENT/,
    );
    expect(() => createServers({ ...options, tls: { certFile: tls.certFile, keyFile: import.meta.filename } })).toThrow(
      /are not a certificate and its key in PEM/,
    );
  });
});

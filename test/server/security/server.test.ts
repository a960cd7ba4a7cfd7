// Security of the whole server, over real sockets: who may ask, names that would lead out, ids, limits (protocol: Security).
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { type HttpClient, httpClient } from '../../helpers/http.ts';
import { startTestServer, type TestServer, testPack } from '../../helpers/server.ts';
import { refusal, testSocket } from '../../helpers/socket.ts';
import { multipart } from '../http/routes/app-harness.ts';

const examplePack = join(import.meta.dirname, '../../../docs/example-pack');
const EVIL = 'http://evil.example';

let server: TestServer;
let http: HttpClient;
let png: Buffer;
beforeAll(async () => {
  server = await startTestServer({
    packDirs: [testPack, examplePack],
    maxQueueLength: 3,
    maxUploadBytes: 200_000,
  });
  http = httpClient(server.port);
  png = await sharp({ create: { width: 3, height: 2, channels: 3, background: '#f00' } })
    .png()
    .toBuffer();
  writeFileSync(join(server.dataDir, 'secret.png'), png);
  writeFileSync(join(server.dataDir, 'input/in.png'), png);
  for (const folder of ['input', 'output', 'temp']) symlinkSync(server.dataDir, join(server.dataDir, folder, 'link'));
});
afterAll(async () => {
  http.close();
  await server.close();
});

/** Status of an upgrade: 101 or that of the refusal. */
async function upgrade(path: string, headers: Record<string, string>, port = server.port): Promise<number> {
  const url = `ws://127.0.0.1:${port}${path}`;
  const socket = testSocket(url, { headers });
  try {
    await socket.next();
    return 101;
  } catch {
    return (await refusal(url, { headers }))[0];
  } finally {
    socket.ws.terminate();
  }
}

test('by default the server is bound to loopback and can not be reached at any other address', async () => {
  expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const others = addresses.filter(({ internal, family }) => !internal && family === 'IPv4').map((a) => a.address);
  if (process.platform === 'linux') others.push('127.0.0.2'); // all of 127/8 is there
  for (const host of others) {
    const outcome = await new Promise((resolve) => {
      const socket = connect(server.port, host);
      socket.on('connect', () => {
        socket.destroy();
        resolve('connected');
      });
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    });
    expect([host, outcome]).toEqual([host, 'ECONNREFUSED']);
  }
});

describe('Host and Origin', () => {
  const own = () => ({ host: `localhost:${server.port}`, origin: `http://localhost:${server.port}` });
  const requests: [string, () => Record<string, string>, boolean][] = [
    ['a program', () => ({}), true],
    ['our own page', own, true],
    ['our own page by the browser’s word', () => ({ ...own(), 'sec-fetch-site': 'same-origin' }), true],
    ['another site', () => ({ origin: EVIL }), false],
    ['a sandboxed frame or a local file', () => ({ origin: 'null' }), false],
    ['an empty origin', () => ({ origin: '' }), false],
    ['another port of this computer', () => ({ ...own(), origin: 'http://localhost:1' }), false],
    ['another scheme', () => ({ ...own(), origin: `file://localhost:${server.port}` }), false],
    ['a name that was rebound to us', () => ({ host: 'evil.example', origin: EVIL }), false],
    ['a name that was rebound to us, by GET', () => ({ host: `evil.example:${server.port}` }), false],
    ['a picture or form of another site', () => ({ 'sec-fetch-site': 'cross-site' }), false],
    ['a name that begins like ours', () => ({ host: 'localhost.evil.example' }), false],
  ];
  test.each(requests)('%s', async (_who, makeHeaders, allowed) => {
    const headers = makeHeaders();
    for (const path of [
      '/features',
      '/api/features',
      '/',
      '/view?filename=in.png&type=input',
      '/schemas/manifest.json',
    ])
      expect([path, (await http.get(path, headers)).status]).toEqual([path, allowed ? 200 : 403]);
    for (const path of ['/ws?clientId=a', '/api/ws'])
      expect([path, await upgrade(path, headers)]).toEqual([path, allowed ? 101 : 403]);
  });

  test('no request of another site changes anything', async () => {
    const promptId = (await server.run({ 1: { class_type: 'TestPid', inputs: {} } })).promptId;
    await http.post('/userdata/mine.json', 'mine');
    const { body, contentType } = multipart({ image: { filename: 'evil.png', bytes: png } });
    const state = async () => ({
      history: (await http.get('/history')).text,
      queue: (await http.get('/queue')).text,
      settings: (await http.get('/settings')).text,
      userdata: (await http.get('/v2/userdata')).text,
      files: readdirSync(join(server.dataDir, 'input')),
    });
    const before = await state();
    const attempts: [string, string, (string | Buffer)?][] = [
      ['POST', '/prompt', '{"prompt":{"1":{"class_type":"TestPid","inputs":{}}}}'],
      ['POST', '/queue', '{"clear":true}'],
      ['POST', '/history', '{"clear":true}'],
      ['POST', '/history', JSON.stringify({ delete: [promptId] })],
      ['POST', '/interrupt'],
      ['POST', '/free', '{"unload_models":true}'],
      ['POST', '/api/jobs/cancel', '{"job_ids":[]}'],
      ['POST', '/settings', '{"a":1}'],
      ['POST', '/settings/a', '1'],
      ['POST', '/userdata/mine.json', 'evil'],
      ['POST', '/userdata/mine.json/move/evil.json'],
      ['DELETE', '/userdata/mine.json'],
      ['POST', '/users', '{"username":"evil"}'],
      ['PATCH', '/internal/logs/subscribe', '{"clientId":"a","enabled":true}'],
      ['POST', '/upload/image', body],
      ['POST', '/upload/mask', body],
    ];
    for (const [method, path, body] of attempts) {
      for (const [name, value] of [
        ['origin', EVIL],
        ['origin', 'null'],
        ['sec-fetch-site', 'cross-site'],
      ]) {
        const headers = { [name]: value, 'content-type': path.startsWith('/upload') ? contentType : 'text/plain' };
        const reply = await http.send(method, path, { body, headers });
        expect([method, path, name, reply.status]).toEqual([method, path, name, 403]);
        expect(reply.headers['access-control-allow-origin']).toBeUndefined();
      }
    }
    expect(await state()).toEqual(before);
  });

  test('CORS by flag only, for that origin only; null stays refused', async () => {
    const open = await startTestServer({ corsOrigin: 'http://a.example' });
    const client = httpClient(open.port);
    try {
      const good = { origin: 'http://a.example', 'sec-fetch-site': 'cross-site' };
      const reply = await client.get('/features', good);
      expect([reply.status, reply.headers['access-control-allow-origin']]).toEqual([200, 'http://a.example']);
      expect(await upgrade('/ws', good, open.port)).toBe(101);
      for (const origin of [EVIL, 'null', 'http://a.example.evil.example', 'https://a.example']) {
        expect([origin, (await client.get('/features', { origin })).status]).toEqual([origin, 403]);
        expect([origin, await upgrade('/ws', { origin }, open.port)]).toEqual([origin, 403]);
      }
      expect((await client.get('/features', { ...good, host: 'evil.example' })).status).toBe(403);
    } finally {
      client.close();
      await open.close();
    }
  });
});

const BAD_NAMES = [
  ...['../secret.png', '../../secret.png', 'sub/../../secret.png', './../secret.png', 'link/secret.png', 'link'],
  ...['/etc/passwd', '//etc/passwd', 'C:\\secret.png', 'C:/secret.png', '..\\secret.png', '\\\\host\\share\\x'],
  ...['a\0.png', 'a\r\nX: y', 'CON', 'nul.png', 'x'.repeat(300), '%2e%2e/secret.png', '..%2fsecret.png', '~/x'],
];

describe('names that would lead out', () => {
  const outside = () => [readdirSync(server.dataDir).sort(), readFileSync(join(server.dataDir, 'secret.png'))];

  test.each(BAD_NAMES)('SaveImage refuses filename_prefix %j or keeps it inside', async (name) => {
    const before = outside();
    const { history } = await server.run({
      1: { class_type: 'LoadImage', inputs: { image: 'in.png' } },
      2: { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: name } },
    });
    const [type, data] = history.status.messages.at(-1);
    if (type === 'execution_success') {
      const [{ filename, subfolder }] = history.outputs['2'].images;
      expect(existsSync(join(server.dataDir, 'output', subfolder, filename))).toBe(true);
      expect(subfolder).not.toMatch(/\.\.|^\/|link/);
    } else
      expect(data.exception_message).toMatch(
        /^(The name ".*(leads out of its folder|choose another)|.*can't be written)/s,
      );
    expect(outside()).toEqual(before);
  });

  test.each([...BAD_NAMES, '../secret.png [output]', 'link/secret.png [temp]', 'secret.png [user]'])(
    'LoadImage refuses the image %j before anything runs',
    async (name) => {
      const reply = await http.post(
        '/prompt',
        JSON.stringify({
          prompt: {
            1: { class_type: 'LoadImage', inputs: { image: name } },
            2: { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
          },
        }),
      );
      expect(reply.status).toBe(400);
      expect(reply.json().node_errors['1'].errors[0].type).toMatch(/^(custom_validation_failed|value_not_in_list)$/);
    },
  );

  const doors: [string, (name: string) => string | [string, string]][] = [
    ['web files of a pack', (name) => `/extensions/example-pack/${name}`],
    ['web files by the pack’s name', (name) => `/extensions/${name}/manifest.json`],
    ['graphs of a pack', (name) => `/workflow_templates/example-pack/${name}`],
    ['graphs by the pack’s name', (name) => `/workflow_templates/${name}/a.json`],
    ['templates', (name) => `/templates/${name}`],
    ['help of nodes', (name) => `/docs/${name}/en.md`],
    ['help of nodes by language', (name) => `/docs/LoadImage/${name}`],
    ['schemas', (name) => `/schemas/${name}`],
    ['lists of models', (name) => `/models/${name}`],
    ['previews of models', (name) => `/experiment/models/preview/clip/0/${name}`],
    ['previews by the folder’s name', (name) => `/experiment/models/preview/${name}/0/a`],
    ['metadata of models', (name) => `/view_metadata/${name}?filename=a.safetensors`],
    ['files of a folder', (name) => `/internal/files/${name}`],
    ['sub-graphs', (name) => `/global_subgraphs/${name}`],
  ];
  test.each(doors)('%s', async (_door, pathOf) => {
    for (const name of [...BAD_NAMES, '../../package.json', '../manifest.json', '../../manifest.json']) {
      for (const path of [pathOf(encodeURIComponent(name)), pathOf(encodeURIComponent(encodeURIComponent(name)))]) {
        const reply = await http.get(path as string);
        expect([path, reply.status < 500]).toEqual([path, true]);
        if (reply.status === 200)
          expect([path, reply.text]).toEqual([path, expect.stringMatching(/^(null|\[\]|\{\})$/)]);
      }
    }
    // As it stands, without encoding: what reaches the router is what the sender wrote.
    for (const raw of [
      '../../../../etc/passwd',
      '..%5c..%5csecret.png',
      '....//....//etc/passwd',
      '%00',
      '%c0%ae%c0%ae/x',
    ]) {
      const reply = await http.get(pathOf(raw) as string);
      expect([raw, reply.status]).toEqual([raw, expect.any(Number)]);
      expect(reply.text).not.toMatch(/root:|"devDependencies"/);
      expect([raw, reply.status < 500]).toEqual([raw, true]);
    }
  });

  test('the file name of an upload, and the original of a mask', async () => {
    const before = outside();
    for (const name of BAD_NAMES.filter((name) => !/[\r\n]/.test(name))) {
      const original_ref = JSON.stringify({ filename: name, type: 'input' });
      for (const [path, fields] of [
        ['/upload/image', { image: { filename: name, bytes: png } }],
        ['/upload/image', { image: { filename: 'a.png', bytes: png }, subfolder: name, overwrite: 'true' }],
        ['/upload/mask', { image: { filename: 'mask.png', bytes: png }, original_ref }],
      ] as const) {
        const { body, contentType } = multipart(fields);
        const reply = await http.post(path, body, { 'content-type': contentType });
        expect([path, name, reply.status < 500]).toEqual([path, name, true]);
        if (reply.status !== 200) continue; // 409 where an earlier name is a file in the way
        const { name: given, subfolder } = reply.json(); // a browser’s full path is cut to its last part
        expect(existsSync(join(server.dataDir, 'input', subfolder, given))).toBe(true);
        expect(`${subfolder}/${given}`.split('/')).not.toContain('..'); // %2f is no slash in a field
      }
    }
    expect(outside()).toEqual(before);
  });
});

test('what a user stored is never shown as a page, whatever route gives it back', async () => {
  mkdirSync(join(server.dataDir, 'output/sub'), { recursive: true });
  for (const name of ['x.html', 'x.svg', 'x.xhtml', 'x.js', 'x.css', 'x.xml', 'x.mhtml', 'x.pdf.html', 'x']) {
    await http.post(`/userdata/${name}`, '<script>alert(1)</script>');
    for (const folder of ['output', 'output/sub', 'temp', 'input'])
      writeFileSync(join(server.dataDir, folder, name), '<script>alert(1)</script>');
    for (const path of [
      `/userdata/${name}`,
      `/view?filename=${name}`,
      `/view?filename=${name}&subfolder=sub`,
      `/view?filename=${name}&type=temp`,
      `/api/view?filename=${name}%20[input]`,
    ]) {
      const { status, headers } = await http.get(path, { accept: 'text/html', 'sec-fetch-dest': 'document' });
      expect([path, status, headers['content-type']]).toEqual([path, 200, 'application/octet-stream']);
      expect(headers['x-content-type-options']).toBe('nosniff');
      if (name !== 'x') expect(headers['content-disposition']).toMatch(/^attachment/);
    }
  }
});

describe('ids that mean something to JavaScript', () => {
  const IDS = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf'];

  test.each(IDS)('%s as id of nodes, prompts, clients, settings, in paths', async (id) => {
    const parse = (text: string) => JSON.parse(text);
    const prompt = `{"${id}":{"class_type":"TestText","inputs":{"text":"t","${id}":1}},"2":{"class_type":"TestShow","inputs":{"value":["${id}",0]}}}`;
    const reply = await http.post(
      '/prompt',
      `{"prompt":${prompt},"prompt_id":"${id}","client_id":"${id}","extra_data":{"${id}":{"x":1},"extra_pnginfo":{"${id}":{}}}}`,
    );
    expect([reply.status, reply.text]).toEqual([200, expect.stringContaining(`"${id}"`)]);
    for (;;) {
      const history = parse((await http.get(`/history/${id}`)).text);
      if (!Object.hasOwn(history, id)) continue;
      const entry = Object.getOwnPropertyDescriptor(history, id)?.value;
      expect(entry.status.status_str).toBe('success');
      expect(entry.outputs['2'].text).toEqual(['"t"']);
      expect(Object.hasOwn(entry.prompt[2], id)).toBe(true);
      break;
    }
    expect((await http.get(`/api/jobs/${id}`)).json()).toMatchObject({ id, status: 'completed' });
    const shown = await server.run(parse(`{"${id}":{"class_type":"TestPid","inputs":{}}}`));
    expect(Object.keys(shown.history.outputs)).toEqual([id]);

    expect((await http.post('/settings', `{"${id}":"stored"}`)).status).toBe(200);
    expect((await http.get(`/settings/${id}`)).json()).toBe('stored');
    for (const path of [
      '/object_info/',
      '/models/',
      '/experiment/models/',
      '/internal/files/',
      '/global_subgraphs/',
      '/docs/',
    ])
      expect([path, (await http.get(path + id)).status < 500]).toEqual([path, true]);
    expect((await http.get(`/object_info/${id}`)).text).toBe('{}');
    const unknown = await http.post('/prompt', `{"prompt":{"1":{"class_type":"${id}","inputs":{}}}}`);
    expect([unknown.status, unknown.json().error.type]).toEqual([400, 'missing_node_type']);
    const socket = testSocket(`ws://127.0.0.1:${server.port}/ws?clientId=${id}`);
    expect(await socket.next()).toMatchObject({ data: { sid: id } });
    await socket.close();
    expect(Object.keys((await http.get('/settings')).json()).sort()).not.toContain('x');
  });
});

describe('limits', () => {
  test('of a body: the length that is told counts before anything is read', async () => {
    const length = String(65 * 2 ** 20);
    for (const path of ['/prompt', '/settings', '/queue', '/userdata/x.json', '/upload/image', '/free', '/users']) {
      const status = await new Promise<string>((resolve, reject) => {
        const socket = connect(server.port, '127.0.0.1');
        socket.on('error', reject);
        socket.on('data', (data) => {
          resolve(String(data).split('\r\n')[0]);
          socket.destroy();
        });
        socket.write(
          `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n` +
            'Content-Type: multipart/form-data; boundary=b\r\n\r\n',
        );
      });
      expect([path, status]).toEqual([path, 'HTTP/1.1 413 Payload Too Large']);
    }
  });

  test('of nodes and of depth', async () => {
    const node = { class_type: 'TestText', inputs: { text: '' } };
    const many = Object.fromEntries(Array.from({ length: 20_001 }, (_, i) => [i, node]));
    const reply = await http.post('/prompt', JSON.stringify({ prompt: many }));
    expect([reply.status, reply.json().error.details]).toEqual([400, expect.stringContaining('20001')]);
    for (const depth of [501, 100_000]) {
      const deep = await http.post(
        '/prompt',
        `{"prompt":{"1":{"class_type":"TestText","inputs":{"text":${'['.repeat(depth)}${']'.repeat(depth)}}}}}`,
      );
      expect([deep.status, deep.text]).toEqual([400, expect.stringContaining('deeper than 500')]);
      expect((await http.post('/settings', `${'['.repeat(depth)}${']'.repeat(depth)}`)).status).toBe(400);
    }
  });

  test('of pixels: a small file that says it is huge is not decoded', async () => {
    const bomb = Buffer.from(png);
    bomb.writeUInt32BE(60_000, 16);
    bomb.writeUInt32BE(60_000, 20);
    writeFileSync(join(server.dataDir, 'input/bomb.png'), bomb);
    const { history } = await server.run({
      1: { class_type: 'LoadImage', inputs: { image: 'bomb.png' } },
      2: { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
    });
    const [type, data] = history.status.messages.at(-1);
    expect([type, data.node_id]).toEqual(['execution_error', '1']);
    expect(data.exception_message).toMatch(/bomb\.png/);
    for (const query of ['preview=webp', 'channel=a', 'channel=rgb'])
      expect((await http.get(`/view?filename=bomb.png&type=input&${query}`)).status).toBeLessThan(500);
  });

  test('of a message: its socket is closed with 1009, others stay', async () => {
    const other = await server.socket('other');
    const loud = await server.socket('loud');
    loud.ws.send('x'.repeat(2 ** 20 + 1));
    expect((await loud.closed).code).toBe(1009);
    other.ws.send('{"type":"feature_flags","data":{}}');
    expect(await other.nextOf('feature_flags')).toBeDefined();
    await other.close();
  });

  test('of the queue: one more is 429, and those that were accepted run', async () => {
    const gate = join(server.dataDir, 'gate');
    const prompt = {
      1: { class_type: 'TestUntilFile', inputs: { path: gate } },
      2: { class_type: 'TestSink', inputs: { value: ['1', 0] } },
    };
    const running = await server.queue(prompt);
    while ((await server.get('/queue')).queue_running.length === 0);
    const waiting = [await server.queue(prompt), await server.queue(prompt), await server.queue(prompt)];
    const { status, body } = await server.post('/prompt', { prompt });
    expect([status, body.error.type]).toEqual([429, 'queue_full']);
    writeFileSync(gate, '');
    for (const id of [running, ...waiting]) expect((await server.ended(id)).status.status_str).toBe('success');
  });
});

// Users, settings, userdata, models, what packs bring along, the log, and the page at /.
// (protocol: Models; Node descriptions; Jobs; Server state; Users and settings; User data; Packs and templates)
// (protocol: Logs and folders; Feature flags)
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { startApp, type TestApp } from './app-harness.ts';

const examplePack = join(import.meta.dirname, '../../../../docs/example-pack');
let packDir: string;
let app: TestApp;
let multi: TestApp;
beforeAll(async () => {
  packDir = mkdtempSync(join(tmpdir(), 'packs-'));
  const files: Record<string, string> = {
    'rich/manifest.json': JSON.stringify({ name: 'rich', version: '1.0.0' }),
    'rich/subgraphs/blur.json': '{"nodes":[]}',
    'rich/locales/de/main.json': '{"a":"eins"}',
    'rich/locales/de/nodeDefs.json': '{"N":{"display_name":"Knoten","tags":["a"]}}',
    'richer/manifest.json': JSON.stringify({ name: 'richer', version: '1.0.0' }),
    'richer/locales/de/main.json': '{"b":"zwei","nodeDefs":{"N":{"help":"Hilfe"}},"__proto__":{"own":1}}',
    'richer/locales/de/nodeDefs.json': '{"N":{"display_name":"Neu","tags":["b"]},"M":{"display_name":"Anderer"}}',
    ...Object.fromEntries(
      ['example_workflows', 'example', 'examples', 'workflow', 'workflows'].flatMap((folder) => [
        [`richer/${folder}/of-${folder}.json`, `"${folder}"`],
        [`richer/${folder}/same.json`, `"${folder}"`],
      ]),
    ),
    'rich/locales/fr/main.json': 'damaged',
    'brok&en/manifest.json': '{"name":"broken"}',
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(packDir, name, '..'), { recursive: true });
    writeFileSync(join(packDir, name), text);
  }
  app = await startApp({ packDirs: [examplePack, packDir] });
  multi = await startApp({ multiUser: true });
});
afterAll(async () => {
  await app.close();
  await multi.close();
  rmSync(packDir, { recursive: true });
});

const post = (path: string, body: unknown, headers = {}) =>
  app.send('POST', path, { body: JSON.stringify(body), headers });

test('one user without --multi-user; the empty Comfy-User of the front end is accepted', async () => {
  expect((await app.get('/users', { 'comfy-user': '' })).json()).toMatchObject({ storage: 'server' });
  expect((await app.get('/users')).json().users).toBeUndefined();
  expect((await app.get('/settings', { 'comfy-user': 'other' })).status).toBe(200);
});

test('settings are merged, read one by one, and survive a damaged file', async () => {
  await post('/settings', { 'a.b': 1, __proto__x: true });
  await post('/api/settings/c', { deep: [1] });
  await app.send('POST', '/settings/__proto__', { body: '"own"' });
  expect((await app.get('/settings')).json()).toMatchObject({ 'a.b': 1, c: { deep: [1] } });
  expect((await app.get('/settings/c')).json()).toEqual({ deep: [1] });
  expect((await app.get('/settings/__proto__')).json()).toBe('own');
  for (const id of ['gone', 'constructor', 'toString']) expect((await app.get(`/settings/${id}`)).json()).toBeNull();
  expect((await app.send('POST', '/settings', { body: '[]' })).status).toBe(400);
  const file = join(app.folders.user, 'default/comfy.settings.json');
  writeFileSync(file, 'damaged');
  expect((await app.get('/settings')).json()).toEqual({});
  await post('/settings/d', 1);
  expect((await app.get('/settings')).json()).toEqual({ d: 1 });
  expect(readFileSync(`${file}.damaged`, 'utf8')).toBe('damaged');
});

test('settings that are changed at the same moment all stay', async () => {
  await Promise.all(Array.from({ length: 20 }, (_, i) => post(`/settings/k${i}`, i)));
  const settings = (await app.get('/settings')).json();
  expect(Array.from({ length: 20 }, (_, i) => settings[`k${i}`])).toEqual(Array.from({ length: 20 }, (_, i) => i));
});

test('with --multi-user the header names the user; unknown ones are refused', async () => {
  const add = (username: unknown) => multi.send('POST', '/users', { body: JSON.stringify({ username }) });
  const id: string = (await add('Ann B./..')).json();
  expect(id).toMatch(/^Ann-B-_[0-9a-f-]{36}$/);
  expect((await add('Ann B./..')).json()).toEqual({ error: 'Duplicate username.' });
  expect((await add('__manager')).json()).toEqual({ error: 'System User prefix not allowed' });
  expect((await add(undefined)).json()).toEqual({ error: 'username not provided' });
  expect((await multi.get('/users')).json().users[id]).toBe('Ann B./..');
  await multi.send('POST', '/settings/x', { body: '1', headers: { 'comfy-user': id } });
  expect((await multi.get('/settings', { 'comfy-user': id })).json()).toEqual({ x: 1 });
  for (const user of ['nobody', '__manager', '../default', ''])
    expect([user, (await multi.get('/settings', { 'comfy-user': user })).status]).toEqual([user, 401]);
});

test('userdata is written, listed, read, moved and removed', async () => {
  const put = await app.send('POST', '/userdata/workflows%2Fa.json?full_info=true', { body: '{"a":1}' });
  expect(put.json()).toMatchObject({ path: 'workflows/a.json', size: 7, modified: expect.any(Number) });
  expect((await app.send('POST', '/userdata/workflows%2Fa.json?overwrite=false', { body: 'x' })).text).toBe(
    'File already exists',
  );
  await app.send('POST', '/userdata/workflows%2Fsub%2F.b.json', { body: '' });
  expect((await app.send('POST', '/userdata/workflows%2Fsub%2Fc.json', { body: '' })).json()).toBe(
    'workflows/sub/c.json',
  );
  const list = async (query: string) => (await app.get(`/userdata?${query}`)).json();
  expect(await list('dir=workflows')).toEqual(['a.json']);
  expect(await list('dir=workflows&recurse=true&split=true')).toEqual([
    ['a.json', 'a.json'],
    ['sub/c.json', 'sub', 'c.json'],
  ]);
  expect(await list('dir=workflows&full_info=true')).toEqual([
    { path: 'a.json', size: 7, modified: expect.any(Number), created: expect.any(Number) },
  ]);
  const tree = (await app.get('/v2/userdata?path=workflows')).json();
  expect(tree.map(({ path }: { path: string }) => path)).toEqual([
    'workflows/sub',
    'workflows/a.json',
    'workflows/sub/c.json',
  ]);
  expect((await app.get('/userdata?dir=gone')).text).toBe('Directory not found');
  expect((await app.get('/userdata')).text).toBe('Directory not provided');
  expect(await app.get('/userdata?dir=..')).toMatchObject({ status: 403, text: 'Invalid directory' });
  expect(await app.send('POST', '/userdata/workflows%2Fa.json/move/b.json')).toMatchObject({
    status: 200,
    text: '"b.json"',
  });
  expect((await app.send('POST', '/userdata/b.json/move/workflows%2Fsub%2Fc.json?overwrite=false')).status).toBe(409);
  expect((await app.get('/userdata/b.json')).headers['content-disposition']).toBe('attachment; filename="b.json"');
  expect(await app.send('DELETE', '/userdata/b.json')).toMatchObject({ status: 204, text: '' });
  expect(await app.get('/userdata/b.json')).toMatchObject({ status: 404, text: '' });
  expect((await app.send('DELETE', '/userdata/b.json')).status).toBe(404);
  expect(readdirSync(app.folders.temp)).toEqual([]);
});

test('user.css is shown as a style, pages are not shown', async () => {
  await app.send('POST', '/userdata/user.css', { body: 'a{}' });
  await app.send('POST', '/userdata/x.html', { body: '<script>' });
  expect((await app.get('/userdata/user.css')).headers['content-type']).toBe('text/css');
  expect((await app.get('/userdata/x.html')).headers['content-type']).toBe('application/octet-stream');
});

test('models by folder, their metadata and previews', async () => {
  const loras = join(app.folders.models, 'loras/sub');
  mkdirSync(loras, { recursive: true });
  mkdirSync(join(app.folders.models, 'own-kind'));
  const safetensors = (header: string, length = BigInt(header.length)) => {
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(length);
    return Buffer.concat([size, Buffer.from(header)]);
  };
  writeFileSync(join(loras, 'a.safetensors'), safetensors('{"__metadata__":{"x":"1"}}'));
  writeFileSync(join(loras, 'lies.safetensors'), safetensors('{}', 2n ** 60n));
  writeFileSync(join(loras, 'none.safetensors'), safetensors('{}'));
  writeFileSync(join(loras, 'notes.txt'), '');
  const picture = await sharp({ create: { width: 2, height: 2, channels: 3, background: '#f00' } })
    .png()
    .toBuffer();
  writeFileSync(join(loras, 'a.preview.png'), picture);
  mkdirSync(join(app.folders.models, 'embeddings'), { recursive: true });
  writeFileSync(join(app.folders.models, 'embeddings/e.pt'), '');

  expect((await app.get('/models')).json()).toEqual(
    expect.arrayContaining(['checkpoints', 'loras', 'own-kind', 'clip']),
  );
  expect((await app.get('/models/loras')).json()).toEqual(['a', 'lies', 'none'].map((n) => `sub/${n}.safetensors`));
  expect((await app.get('/models/hypernetworks')).json()).toEqual([]);
  expect(await app.get('/models/unet')).toMatchObject({ status: 404, text: '' });
  expect((await app.get('/embeddings')).json()).toEqual(['e']);
  expect((await app.get('/view_metadata/loras?filename=sub/a.safetensors')).json()).toEqual({ x: '1' });
  for (const name of ['sub/lies.safetensors', 'sub/none.safetensors', 'sub/gone.safetensors', 'sub/notes.txt'])
    expect([name, (await app.get(`/view_metadata/loras?filename=${name}`)).status]).toEqual([name, 404]);
  const kinds: { name: string }[] = (await app.get('/experiment/models')).json();
  expect(kinds.map(({ name }) => name)).not.toContain('configs');
  expect((await app.get('/experiment/models/loras')).json()[0]).toMatchObject({
    name: 'sub/a.safetensors',
    pathIndex: 0,
  });
  const preview = await app.get('/experiment/models/preview/loras/0/sub/a.safetensors');
  expect(preview.headers['content-type']).toBe('image/webp');
  expect((await app.get('/experiment/models/preview/loras/x/sub/a.safetensors')).status).toBe(400);
  expect((await app.get('/experiment/models/preview/loras/0/sub/none.safetensors')).status).toBe(404);
});

test('object_info has every node; an unknown class is 200 {}', async () => {
  const all = (await app.get('/object_info')).json();
  expect(Object.keys(all)).toEqual(expect.arrayContaining(['LoadImage', 'PromptCase']));
  expect((await app.get('/object_info/LoadImage')).json()).toEqual({ LoadImage: all.LoadImage });
  for (const name of ['Primitive%20boolean%20%5BCrystools%5D', '__proto__', 'constructor'])
    expect(await app.get(`/object_info/${name}`)).toMatchObject({ status: 200, text: '{}' });
});

test('system_stats has what front ends require; features', async () => {
  const { system, devices } = (await app.get('/system_stats')).json();
  for (const key of ['os', 'python_version', 'comfyui_version', 'pytorch_version'])
    expect(typeof system[key]).toBe('string');
  expect(system).toMatchObject({ embedded_python: false, argv: ['pez-nodes', 'serve'], os: process.platform });
  expect(system.ram_total).toBeGreaterThan(system.ram_free);
  const memory = { vram_total: system.ram_total, torch_vram_total: system.ram_total };
  expect(devices).toEqual([
    {
      name: 'cpu',
      type: 'cpu',
      index: null,
      ...memory,
      vram_free: expect.any(Number),
      torch_vram_free: expect.any(Number),
    },
  ]);
  expect((await app.get('/features')).json()).toMatchObject({
    supports_preview_metadata: true,
    max_upload_size: 2 ** 20,
    assets: false,
  });
});

test('the log, subscriptions, and the newest files', async () => {
  app.log.logger.warn({ port: 1 }, 'something odd');
  expect((await app.get('/internal/logs')).json()).toMatch(/^\S+Z - .*warn: something odd port=1\n$/s);
  const raw = (await app.get('/internal/logs/raw')).json();
  expect(raw.entries.at(-1)).toEqual({ t: expect.stringMatching(/Z$/), m: 'warn: something odd port=1\n' });
  const body = JSON.stringify({ clientId: 'me', enabled: true });
  expect(
    (await app.send('PATCH', '/internal/logs/subscribe', { body, headers: { 'content-type': 'text/plain' } })).text,
  ).toBe('');
  expect(app.subscriptions).toEqual([['me', true]]);
  expect((await app.send('PATCH', '/internal/logs/subscribe', { body: '{}' })).status).toBe(400);
  for (const name of ['a.png', '.hidden']) writeFileSync(join(app.folders.output, name), '');
  expect((await app.get('/internal/files/output')).json()).toEqual(['a.png [output]']);
  expect(await app.get('/internal/files/user')).toMatchObject({
    status: 400,
    text: '{"error":"Invalid directory type"}',
  });
  expect((await app.get('/internal/folder_paths')).json().loras).toEqual([join(app.folders.models, 'loras')]);
});

test('web files, help, templates, sub-graphs and translations of packs', async () => {
  expect((await app.get('/extensions')).json()).toEqual(['/extensions/example-pack/colour.js']);
  const script = await app.get('/extensions/example-pack/colour.js');
  expect(script.headers['content-type']).toMatch(/javascript/);
  expect((await app.get('/extensions/example-pack/docs/PromptCase.md')).status).toBe(200);
  for (const path of ['gone.js', '..%2fmanifest.json', 'docs/Gone.md', '']) {
    expect([path, (await app.get(`/extensions/example-pack/${path}`)).status]).toEqual([path, 404]);
  }
  const own = [
    'blend-to-image',
    'blend-two-images',
    'distil-prompt',
    'image-to-best-prompt',
    'image-to-prompt-to-image', // by file name: "-" comes before "."
    'image-to-prompt',
    'images-to-style-prompt',
    'style-and-swap',
    'swap-to-images',
    'text-to-image',
  ];
  expect((await app.get('/workflow_templates')).json()).toEqual({
    'pez-nodes': own,
    'example-pack': ['tidy-and-count'],
    richer: [...['of-example_workflows', 'same', 'of-example', 'of-examples', 'of-workflow', 'of-workflows']],
  });
  for (const folder of ['example_workflows', 'example', 'examples', 'workflow', 'workflows'])
    expect((await app.get(`/workflow_templates/richer/of-${folder}.json`)).json()).toBe(folder);
  expect((await app.get('/workflow_templates/richer/same.json')).json()).toBe('example_workflows');
  expect((await app.get('/workflow_templates/richer/..%2Fmanifest.json')).status).toBe(404);
  expect((await app.get('/api/workflow_templates/example-pack/tidy-and-count.json')).status).toBe(200);
  expect((await app.get('/api/workflow_templates/example-pack/gone.jpg')).status).toBe(404);
  const subgraphs = (await app.get('/global_subgraphs')).json();
  const [id] = Object.keys(subgraphs);
  expect(subgraphs[id]).toEqual({ source: 'custom_node', name: 'blur', info: { node_pack: 'custom_nodes.rich' } });
  expect((await app.get(`/global_subgraphs/${id}`)).json().data).toBe('{"nodes":[]}');
  expect((await app.get('/global_subgraphs/gone')).json()).toBeNull();
  expect((await app.get('/node_replacements')).json()).toEqual({});
  expect((await app.get('/i18n')).json()).toMatchObject({
    de: { a: 'eins', nodeDefs: { N: { display_name: 'Neu' } } },
  });
});

test('translations of several packs are merged at all levels, and their lists are joined', async () => {
  const { text } = await app.get('/i18n');
  expect(JSON.parse(text).de).toEqual(
    JSON.parse(`{"a":"eins","b":"zwei","__proto__":{"own":1},"nodeDefs":{
      "N":{"display_name":"Neu","tags":["a","b"],"help":"Hilfe"},"M":{"display_name":"Anderer"}}}`),
  );
  expect(text).toContain('"__proto__":{"own":1}');
});

test('models are listed as the drop-downs offer them, bundled ones too', async () => {
  const { CheckpointLoaderSimple, CLIPLoader } = (await app.get('/object_info')).json();
  const folder = join(app.folders.models, 'clip/mine');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), '12345');
  const clips = ['pico-clip', 'mine'];
  expect((await app.get('/object_info/CLIPLoader')).json().CLIPLoader.input.required.clip_name[0]).toEqual(clips);
  expect(CLIPLoader.input.required.clip_name[0]).toEqual(['pico-clip']);
  for (const kind of ['clip', 'text_encoders']) {
    expect((await app.get(`/models/${kind}`)).json()).toEqual(clips);
    const [bundled, mine] = (await app.get(`/experiment/models/${kind}`)).json();
    expect(bundled).toMatchObject({ name: 'pico-clip', pathIndex: 0 });
    expect(bundled.size).toBeGreaterThan(1e6);
    expect(mine).toMatchObject({ name: 'mine', size: 5 });
    const kinds: { name: string; folders: string[] }[] = (await app.get('/experiment/models')).json();
    expect(kinds.find(({ name }) => name === kind)?.folders[mine.pathIndex]).toBe(join(app.folders.models, 'clip'));
  }
  const checkpoints = CheckpointLoaderSimple.input.required.ckpt_name[0];
  expect(checkpoints).toEqual(['pico-diffusion']);
  expect((await app.get('/models/checkpoints')).json()).toEqual(checkpoints);
  expect((await app.get('/api/experiment/models/checkpoints')).json()).toMatchObject([{ name: 'pico-diffusion' }]);
});

test('a cover picture inside a safetensors file is its preview, unless a picture lies beside it', async () => {
  const loras = join(app.folders.models, 'loras');
  mkdirSync(loras, { recursive: true });
  const solid = (background: string) =>
    sharp({ create: { width: 8, height: 8, channels: 3, background } })
      .png()
      .toBuffer();
  const write = (name: string, ssmd_cover_images: string) => {
    const header = Buffer.from(JSON.stringify({ __metadata__: { ssmd_cover_images } }));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    writeFileSync(join(loras, `${name}.safetensors`), Buffer.concat([length, header]));
  };
  const [red, blue] = await Promise.all(['#f00', '#00f'].map(solid));
  write('inside', JSON.stringify([red.toString('base64'), blue.toString('base64')]));
  write('both', JSON.stringify([red.toString('base64')]));
  writeFileSync(join(loras, 'both.png'), blue);
  write('large', JSON.stringify([Buffer.concat([red, Buffer.alloc(2 ** 20)]).toString('base64')]));
  const preview = (name: string) => app.get(`/experiment/models/preview/loras/0/${name}.safetensors`);
  const colourOf = async (name: string) => {
    const reply = await preview(name);
    expect([name, reply.status, reply.headers['content-type']]).toEqual([name, 200, 'image/webp']);
    return [...(await sharp(reply.body).removeAlpha().raw().toBuffer()).subarray(0, 3)].map((c) => Math.round(c / 255));
  };
  expect(await colourOf('inside')).toEqual([1, 0, 0]);
  expect(await colourOf('both')).toEqual([0, 0, 1]);
  expect(await colourOf('large')).toEqual([1, 0, 0]); // its header is above what view_metadata reads
  for (const [name, covers, status] of [
    ['empty', '[]', 404],
    ['damaged', '[', 404],
    ['numbers', '[1]', 404],
    ['text', '["bm8gcGljdHVyZQ=="]', 400],
    ['svg', JSON.stringify([Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString('base64')]), 400],
  ] as const) {
    write(name, covers);
    expect([name, (await preview(name)).status]).toEqual([name, status]);
  }
});

test('the gallery is JSON that lists our templates, and each of them is there', async () => {
  const reply = await app.get('/templates/index.json');
  expect(reply.headers['content-type']).toContain('application/json');
  expect((await app.get('/templates/index.de.json')).json()).toEqual(reply.json());
  for (const { templates } of reply.json())
    for (const { name } of templates)
      expect([name, (await app.get(`/templates/${name}.json`)).status]).toEqual([name, 200]);
  expect((await app.get('/templates/index_logo.json')).json()).toEqual({});
  expect((await app.get('/templates/gone.json')).status).toBe(404);
});

test('every schema of the list is served', async () => {
  const urls: string[] = (await app.get('/schemas')).json();
  expect(urls).toContain('/schemas/prompt-graph.json');
  for (const url of urls) expect((await app.get(url)).json().$id).toBe(url);
});

test('the page at / shows versions, nodes, models, the queue, needs nothing from elsewhere, and escapes', async () => {
  const page = await app.get('/');
  expect(page.headers['content-type']).toMatch(/^text\/html/);
  const nonce = /script-src 'nonce-([^']+)'/.exec(String(page.headers['content-security-policy']))?.[1];
  expect(page.text).toContain(`<script nonce="${nonce}">`);
  for (const text of [
    'LoadImage',
    'PromptCase',
    'pico-clip',
    '<b id="remaining">3</b>',
    "fetch('/prompt')",
    'curl',
    '/schemas',
  ])
    expect(page.text).toContain(text);
  expect(page.text).not.toMatch(/<(?:script|img|link|iframe)[^>]+(?:src|href)="(?:https?:)?\/\//);
  expect(page.text).toContain('<b>brok&amp;en</b>');
  expect(page.text).not.toContain('brok&en');
  expect(page.text).toContain('did not load');
  expect((await app.get('/')).text).not.toContain(String(nonce));
});

// Assets of API v2 on a real server: upload, hash, dedup, ranges, references in workflows, deletion, and what is refused.
// (protocol: Assets; Assets in a workflow; Outputs of API v2)
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blake3 } from 'hash-wasm';
import { startTestServer, type TestServer } from '../../../helpers/server.ts';
import { apiV2 } from './client.ts';

let server: TestServer;
let api: ReturnType<typeof apiV2>;
const tiger = readFileSync(join(import.meta.dirname, '../../../../examples/tiger.png'));
beforeAll(async () => {
  server = await startTestServer({ maxUploadBytes: 2 ** 20 });
  api = apiV2(server.url);
});
afterAll(() => server.close());

const stored = () => {
  const folder = join(server.dataDir, 'input/.assets');
  return existsSync(folder) ? readdirSync(folder) : [];
};
const temp = () => readdirSync(join(server.dataDir, 'temp'));
const reference = (id: unknown) => ({ __type: 'core/ASSET', info: { id } });
const load = (image: unknown) => ({
  1: { class_type: 'LoadImage', inputs: { image } },
  2: { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
});
let contents = 0;
const content = (text = `content ${++contents}`) => Buffer.from(text);

test('an upload is hashed, kept once, and comes back byte for byte', async () => {
  const hash = `blake3:${await blake3(tiger)}`;
  const first = await api.upload(tiger, {
    expected_hash: hash.toUpperCase().replace('BLAKE3', 'blake3'),
    tags: 'input',
  });
  expect([first.status, first.body.created_new, first.body.hash, first.body.size_bytes]).toEqual([
    201,
    true,
    hash,
    tiger.length,
  ]);
  expect(first.body).toMatchObject({ content_type: 'image/png', file_path: 'photo.png', job_id: null });
  const again = await api.upload(tiger);
  expect([again.status, again.body.created_new, again.body.id]).toEqual([200, false, first.body.id]);
  const other = await api.upload(tiger, { file_path: 'folder/other.PNG' });
  expect([other.status, other.body.created_new, other.body.hash]).toEqual([200, false, hash]);
  expect(other.body.id).not.toBe(first.body.id);
  expect(stored()).toEqual([`${hash.slice(7)}.png`]);
  expect(temp()).toEqual([]);
  const response = await fetch(first.body.url);
  expect(Buffer.from(await response.arrayBuffer()).equals(tiger)).toBe(true);
  expect(response.headers.get('content-disposition')).toBe('filename="photo.png"');
  expect((await api.get(`/assets/${other.body.id}`)).body).toMatchObject({ file_path: 'folder/other.PNG', hash });
});

test('by hash: is it there, and another asset of it', async () => {
  const bytes = content();
  const hash = `blake3:${await blake3(bytes)}`;
  const head = async () => (await api.send('HEAD', `/assets/by-hash/${encodeURIComponent(hash)}`)).status;
  const mint = (more = {}) => api.post('/assets/from-hash', { hash, ...more });
  expect(await head()).toBe(404);
  const missing = await mint();
  expect([missing.status, missing.body.error.code]).toEqual([404, 'blob_not_found']);
  const { body } = await api.upload(bytes, { file_path: 'a.txt', content_type: 'text/plain' });
  expect(await head()).toBe(200);
  expect([(await mint()).status, (await mint()).body.id]).toEqual([200, body.id]);
  const minted = await mint({ file_path: 'b.txt' });
  expect([minted.status, minted.body.created_new, minted.body.content_type]).toEqual([201, false, 'text/plain']);
  expect((await mint({ file_path: 'b.txt' })).body.id).toBe(minted.body.id);
  rmSync(join(server.dataDir, 'input/.assets', `${hash.slice(7)}.txt`));
  expect([await head(), (await mint()).status, (await api.get(`/assets/${body.id}`)).status]).toEqual([404, 404, 404]);
  expect((await api.upload(bytes, { file_path: 'a.txt', content_type: 'text/plain' })).body).toMatchObject({
    ...{ id: body.id, created_new: true },
  });
  expect(await head()).toBe(200);
  expect((await api.send('HEAD', '/assets/by-hash/md5:1')).status).toBe(422);
});

test('a hash that is not that of the bytes leaves nothing', async () => {
  const before = stored();
  const { status, body } = await api.upload(content(), { expected_hash: `blake3:${'0'.repeat(64)}` });
  expect([status, body.error.code, stored(), temp()]).toEqual([409, 'hash_mismatch', before, []]);
});

test.each([
  ['a name that leads out', { file_path: '../../evil.png' }, 403, 'forbidden'],
  ['an absolute name', { file_path: '/etc/passwd' }, 403, 'forbidden'],
  ['a name no system takes', { file_path: 'a\u0001b' }, 400, 'invalid_request'],
  ['no name', { file_path: '' }, 422, 'invalid_request'],
  ['a model', { file_path: 'models/checkpoints/x.safetensors' }, 422, 'invalid_request'],
  ['no type', { content_type: '' }, 422, 'invalid_request'],
  ['a type with a line break', { content_type: 'image/png\r\nx: y' }, 422, 'invalid_request'],
  ['a hash of another kind', { expected_hash: 'sha256:00' }, 422, 'invalid_request'],
])('%s is refused', async (_, fields, status, code) => {
  const before = stored();
  const answer = await api.upload(content(), fields);
  expect([answer.status, answer.body.error.code, stored(), temp()]).toEqual([status, code, before, []]);
});

test('what is no upload, or too large', async () => {
  const code = async (init: RequestInit) => {
    const { status, body } = await api.send('POST', '/assets', init);
    return [status, body.error.code];
  };
  expect(await code({ body: '{}' })).toEqual([400, 'invalid_request']);
  expect(await code({ body: new FormData() })).toEqual([400, 'invalid_request']);
  const { status, body } = await api.upload(Buffer.alloc(2 ** 20 + 1));
  expect([status, body.error.code, temp()]).toEqual([413, 'payload_too_large', []]);
});

test('uploads that do not fit together are refused, and what is there already takes no more room', async () => {
  const small = await startTestServer({ maxUploadsBytes: 3_000_000 });
  try {
    const other = apiV2(small.url);
    const bytes = Buffer.alloc(2_000_000, 'x');
    expect((await other.upload(bytes)).status).toBe(201);
    expect((await other.upload(Buffer.from('little'))).status).toBe(201);
    const { status, body } = await other.upload(Buffer.alloc(2_000_000, 'y'));
    expect([status, body.error.code]).toEqual([507, 'insufficient_storage']);
  } finally {
    await small.close();
  }
});

describe('content', () => {
  test('ranges of a file and of a text', async () => {
    const file = await api.upload(Buffer.from('0123456789'), {
      file_path: 'digits.bin',
      content_type: 'application/x-digits',
    });
    const job = await api.ended(
      (await api.submit({ 1: { class_type: 'TestShow', inputs: { value: 12345678 } } })).body.id,
    );
    for (const [url, whole] of [
      [file.body.url, '0123456789'],
      [job.outputs[0].url, '12345678'],
    ]) {
      const get = async (range?: string) => {
        const response = await fetch(url, { headers: range ? { range } : {} });
        return [response.status, await response.text(), response.headers.get('content-range')];
      };
      const { length } = whole;
      expect(await get()).toEqual([200, whole, null]);
      expect(await get('bytes=2-4')).toEqual([206, whole.slice(2, 5), `bytes 2-4/${length}`]);
      expect(await get('bytes=-3')).toEqual([206, whole.slice(-3), `bytes ${length - 3}-${length - 1}/${length}`]);
      expect(await get('bytes=5-')).toEqual([206, whole.slice(5), `bytes 5-${length - 1}/${length}`]);
      const [status, text, range] = await get('bytes=50-60');
      expect([status, JSON.parse(text as string).error.code, range]).toEqual([
        416,
        'range_not_satisfiable',
        `bytes */${length}`,
      ]);
      const head = await fetch(url, { method: 'HEAD' });
      expect([head.status, head.headers.get('content-length')]).toEqual([200, String(length)]);
    }
  });

  test.each(['text/html', 'image/svg+xml', 'application/javascript', 'text/html; charset=utf-8'])(
    '%s is a download',
    async (content_type) => {
      const { body } = await api.upload(content(`<script>${content_type}`), { content_type, file_path: 'x.html' });
      const { headers } = await fetch(body.url);
      expect(headers.get('content-type')).toBe('application/octet-stream');
      expect(headers.get('content-disposition')).toBe('attachment; filename="x.html"');
    },
  );

  test('ids that name nothing, or what was never shown', async () => {
    const { id } = await api.ended((await api.submit({ 1: { class_type: 'TestShow', inputs: { value: 1 } } })).body.id);
    const forged = (...place: unknown[]) => `asset_out_${Buffer.from(JSON.stringify(place)).toString('base64url')}`;
    for (const wrong of [
      ...['asset_x', 'asset_out_', 'asset_out_%00', '..%2f..%2fqueue.sqlite'],
      ...[
        forged(id, '1', 'text', 1),
        forged(id, '1', 'text', -1),
        forged(id, '1', '__proto__', 0),
        forged(id, '2', 'text', 0),
      ],
      ...[
        forged('job_x', '1', 'text', 0),
        forged(id, '1', 'text'),
        forged(id, '1', 'length', 0),
        forged(id, 'toString', 'x', 0),
      ],
    ])
      expect([wrong, (await api.get(`/assets/${wrong}/content`)).status]).toEqual([wrong, 404]);
  });
});

describe('in a workflow', () => {
  test('an upload stands where a file name would, and an output does', async () => {
    const { body: asset } = await api.upload(tiger);
    const { body } = await api.submit(load(reference(asset.id)));
    const { workflow } = (await api.get(`/jobs/${body.id}/workflow`)).body;
    expect(workflow['1'].inputs.image).toBe(`.assets/${asset.hash.slice(7)}.png`);
    const job = await api.ended(body.id);
    expect([job.status, job.outputs[0].content_type]).toEqual(['succeeded', 'image/png']);
    const next = await api.submit(load(reference(job.outputs[0].id)));
    expect((await api.ended(next.body.id)).status).toBe('succeeded');
  });

  test('what an asset is stays so: nothing else writes there', async () => {
    const { body: asset } = await api.upload(content('mine'), { file_path: 'mine.png' });
    const overwrite = async (subfolder: string) => {
      const form = new FormData();
      form.append('image', new Blob(['theirs']), `${asset.hash.slice(7)}.png`);
      form.append('subfolder', subfolder);
      form.append('overwrite', 'true');
      return (await fetch(`${server.url}/upload/image`, { method: 'POST', body: form })).status;
    };
    for (const subfolder of ['.assets', './.assets', '.ASSETS', '.assets/deeper'])
      expect(await overwrite(subfolder)).toBe(403);
    expect(await (await fetch(asset.url)).text()).toBe('mine');
    expect(await overwrite('assets')).toBe(200);
  });

  test('all that are missing or broken are named', async () => {
    const text = await api.ended((await api.submit({ 1: { class_type: 'TestShow', inputs: { value: 1 } } })).body.id);
    const { status, body } = await api.submit({
      ...load(reference('asset_nobody')),
      3: { class_type: 'LoadImage', inputs: { image: { __type: 'core/ASSET' } } },
      4: { class_type: 'LoadImage', inputs: { image: reference(text.outputs[0].id), deep: [{ x: [reference(7)] }] } },
    });
    expect([status, body.error.code]).toEqual([422, 'missing_asset']);
    expect(body.error.details.missing_ids).toEqual([
      'asset_nobody',
      '(a reference without info.id)',
      text.outputs[0].id,
    ]);
  });
});

test('an asset is deleted, its content with the last of them; not while a job needs it, and outputs go with their job', async () => {
  const bytes = Buffer.concat([tiger, Buffer.from('tail')]);
  const { body: one } = await api.upload(bytes);
  const { body: two } = await api.upload(bytes, { file_path: 'two.png' });
  const gate = join(server.dataDir, 'gate');
  const wait = { class_type: 'TestUntilFile', inputs: { path: gate } };
  const { body: job } = await api.submit({
    ...load(reference(one.id)),
    8: wait,
    9: { class_type: 'TestSink', inputs: { value: ['8', 0] } },
  });
  await api.until(job.id, 'running');
  const remove = async (id: string) => {
    const { status, body } = await api.send('DELETE', `/assets/${id}`);
    return body ? [status, body.error.code] : status;
  };
  expect(await remove(two.id)).toEqual([409, 'asset_in_use']);
  await api.post(`/jobs/${job.id}/cancel`, '');
  const { outputs } = await api.ended(job.id);
  for (const output of outputs) expect(await remove(output.id)).toEqual([409, 'asset_in_use']);
  const file = `${one.hash.slice(7)}.png`;
  expect([await remove(two.id), stored().includes(file)]).toEqual([204, true]);
  expect([await remove(one.id), stored().includes(file)]).toEqual([204, false]);
  expect(await remove(one.id)).toEqual([404, 'not_found']);
});

test('an upload with a key is one upload; the key of another is refused', async () => {
  const bytes = content();
  const first = await api.upload(bytes, {}, 'key');
  const again = await api.upload(bytes, {}, 'key');
  expect([again.status, again.headers.get('idempotency-replayed'), again.body.id]).toEqual([
    200,
    'true',
    first.body.id,
  ]);
  const other = await api.upload(content(), {}, 'key');
  expect([other.status, other.body.error.code]).toEqual([422, 'idempotency_key_reuse']);
  expect((await api.submit({ 1: { class_type: 'TestShow', inputs: { value: 1 } } }, 'key')).status).toBe(201);
});

test('assets are there after a restart, their bytes and what jobs made of them', async () => {
  const own = await startTestServer();
  const before = apiV2(own.url);
  const { body: asset } = await before.upload(tiger);
  const job = await before.ended((await before.submit(load(reference(asset.id)))).body.id);
  await own.close({ keep: true });
  const again = await startTestServer({ dataDir: own.dataDir });
  try {
    const after = apiV2(again.url);
    expect((await after.get(`/assets/${asset.id}`)).body).toMatchObject({
      hash: asset.hash,
      created_at: asset.created_at,
    });
    expect((await after.get(`/jobs/${job.id}`)).body.outputs[0]).toMatchObject({
      id: job.outputs[0].id,
      size_bytes: job.outputs[0].size_bytes,
    });
    expect((await after.get(`/assets/${job.outputs[0].id}/content`)).status).toBe(200);
    expect((await after.upload(tiger)).body).toMatchObject({ id: asset.id, created_new: false });
  } finally {
    await again.close();
  }
});

test('a link that leads out of the data folder is not written through', async () => {
  const own = await startTestServer();
  const outside = join(tmpdir(), `outside-${process.pid}`);
  mkdirSync(outside);
  try {
    symlinkSync(outside, join(own.dataDir, 'input/.assets'));
    const { status, body } = await apiV2(own.url).upload(content());
    expect([status, body.error.code, readdirSync(outside)]).toEqual([403, 'forbidden', []]);
  } finally {
    rmSync(outside, { recursive: true });
    await own.close();
  }
});

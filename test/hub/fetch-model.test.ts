// Downloading from a hub that breaks off, cuts short, lies and changes its mind: it resumes, or fails with a clear
// sentence; a damaged file is never used.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadClip } from '../../engine/clip/clip.ts';
import { pullModel } from '../../engine/hub/fetch-model.ts';
import type { HubOptions } from '../../engine/hub/pull-folder.ts';
import { defaultTransport } from '../../engine/hub/requests.ts';
import { parseHubId } from '../../engine/hub-id.ts';
import { tinyClipFiles } from '../clip/tiny-clip.ts';
import { field, withExternalData } from '../helpers/protobuf.ts';
import { type Fault, type Mirror, type MirrorFile, startMirror } from './hub-mirror.ts';

const TEXT = 'onnx/text_model.onnx';
const id = parseHubId('org/tiny')!;
let cacheDir: string;
let mirror: Mirror;
let waits: number[];

beforeEach(async () => {
  cacheDir = mkdtempSync(join(tmpdir(), 'pez-hub-'));
  const files = new Map<string, MirrorFile>([...tinyClipFiles()].map(([path, body]) => [`org/tiny/${path}`, { body }]));
  mirror = await startMirror(files);
  waits = [];
});

afterEach(async () => {
  await mirror.close();
  rmSync(cacheDir, { recursive: true });
});

const options = (more: HubOptions = {}): HubOptions => ({
  cacheDir,
  endpoint: mirror.endpoint,
  offline: false,
  onProgress: () => mirror.hangUp(),
  ...more,
  transport: { wait: async (ms) => void waits.push(ms), attempts: 3, stallMs: 5_000, ...more.transport },
});
const pull = (more?: HubOptions) => pullModel(id, options(more));
const file = (path: string) => mirror.files.get(`org/tiny/${path}`)!;
const fail = (path: string, ...faults: Fault[]) => Object.assign(file(path), { faults });
const folder = () => join(cacheDir, 'org', 'tiny', 'main');
const leftovers = () => readdirSync(join(folder(), 'onnx')).filter((name) => name.endsWith('.part'));
const good = () => readFileSync(join(folder(), TEXT)).equals(file(TEXT).body);

test('downloads exactly the needed files, and nothing the second time', async () => {
  const dir = await pull();
  expect(dir).toBe(folder());
  expect(mirror.log.filter((line) => line.startsWith('GET')).sort()).toEqual(
    [...tinyClipFiles().keys()].map((path) => `GET ${path}`).sort(),
  );
  mirror.log.length = 0;
  await pull();
  expect(mirror.log).toEqual([]);
});

test('a pulled model works without a network', async () => {
  await pull();
  await mirror.close();
  const clip = await loadClip('org/tiny', { cacheDir, offline: true });
  expect((await clip.text.encode(['red cat']))[0]).toHaveLength(4);
});

test('reports progress in bytes', async () => {
  const seen: string[] = [];
  await pull({ onProgress: (p) => seen.push(`${p.file} ${p.receivedBytes}/${p.totalBytes}`) });
  const { length } = file(TEXT).body;
  expect(seen).toContain(`text_model.onnx ${length}/${length}`);
});

test('a connection that drops midway is resumed where it broke off', async () => {
  fail(TEXT, { kind: 'drop', afterBytes: 100 }, { kind: 'drop', afterBytes: 50 });
  await pull();
  expect(mirror.log).toEqual(expect.arrayContaining([`GET ${TEXT} bytes=100-`, `GET ${TEXT} bytes=150-`]));
  expect(good()).toBe(true);
  expect(leftovers()).toEqual([]);
});

test('a connection that falls silent is dropped, and resumed', async () => {
  fail(TEXT, { kind: 'drop', afterBytes: 70 });
  await pull({ transport: { stallMs: 100 }, onProgress: () => {} }); // nobody hangs up: it must notice itself
  expect(mirror.log).toContain(`GET ${TEXT} bytes=70-`);
  expect(good()).toBe(true);
});

test('an interrupted pull is continued by the next one', async () => {
  fail(TEXT, ...Array.from({ length: 60 }, (): Fault => ({ kind: 'drop', afterBytes: 0 })));
  file(TEXT).faults![0] = { kind: 'drop', afterBytes: 80 };
  await expect(pull()).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
  expect(existsSync(join(folder(), TEXT))).toBe(false);
  file(TEXT).faults = [];
  mirror.log.length = 0;
  await pull();
  expect(mirror.log).toContain(`GET ${TEXT} bytes=80-`);
  expect(good()).toBe(true);
});

test('a body that ends early without saying so is noticed and completed', async () => {
  fail(TEXT, { kind: 'truncate', bytes: 120 });
  await pull();
  expect(mirror.log).toContain(`GET ${TEXT} bytes=120-`);
  expect(good()).toBe(true);
});

test('a server that ignores ranges sends the whole file again', async () => {
  fail(TEXT, { kind: 'drop', afterBytes: 100 }, { kind: 'ignore-range' });
  await pull();
  expect(good()).toBe(true);
});

describe('a large file in a store', () => {
  let store: Mirror;
  const body = () => tinyClipFiles().get(TEXT)!;

  beforeEach(async () => {
    store = await startMirror(new Map([['org/blobs/text', { body: body(), etag: 'an-etag-of-the-store' }]]));
    file(TEXT).store = `${store.endpoint}/org/blobs/resolve/main/text`;
  });
  afterEach(() => store.close());

  test('is fetched, resumed and checked; the token stays with the hub', async () => {
    process.env.HF_TOKEN = 'secret';
    try {
      store.files.get('org/blobs/text')!.faults = [{ kind: 'drop', afterBytes: 90 }];
      await pull({
        onProgress: () => {
          mirror.hangUp();
          store.hangUp();
        },
      });
    } finally {
      delete process.env.HF_TOKEN;
    }
    expect(good()).toBe(true);
    expect(store.log).toEqual(['GET text', 'GET text bytes=90-']);
    expect(new Set(mirror.tokens)).toEqual(new Set(['Bearer secret']));
    expect(store.tokens).toEqual([undefined, undefined]);
  });

  test('that is not the one that the hub announces is not used', async () => {
    store.files.get('org/blobs/text')!.body = Buffer.alloc(body().length, 1);
    await expect(pull()).rejects.toThrow(/its sha256 is/);
    expect(existsSync(join(folder(), TEXT))).toBe(false);
  });
});

test('a model that was renamed is found under its old name', async () => {
  const moved = `${mirror.endpoint}/org/tiny/resolve/main/config.json`;
  mirror.files.set('org/old/config.json', {
    body: file('config.json').body,
    headFaults: [{ kind: 'status', status: 307, headers: { location: moved } }],
  });
  const rest = [...tinyClipFiles().keys()].filter((path) => path !== 'config.json');
  for (const path of rest) mirror.files.set(`org/old/${path}`, { body: file(path).body });
  await pullModel(parseHubId('org/old')!, options());
  expect(mirror.log.filter((line) => line === 'HEAD config.json')).toHaveLength(2);
});

test('a file that changes between two ranges is not spliced', async () => {
  const body = Buffer.from(file(TEXT).body);
  const numbers = body.lastIndexOf('table') + 16;
  body.fill(9, numbers, numbers + 40);
  fail(TEXT, { kind: 'drop', afterBytes: 100 }, { kind: 'change', body });
  await pull();
  expect(readFileSync(join(folder(), TEXT)).equals(body)).toBe(true);
  expect(leftovers()).toEqual([]);
});

test('wrong bytes of the right length are thrown away and asked for again', async () => {
  fail(TEXT, { kind: 'garbage' });
  await pull();
  expect(good()).toBe(true);
});

test('a server that lies about the hash fails, and the file is never used', async () => {
  file(TEXT).etag = 'ab'.repeat(32);
  await expect(pull()).rejects.toMatchObject({
    code: 'DOWNLOAD_FAILED',
    message: expect.stringMatching(/text_model\.onnx: its sha256 is \w+…, not the announced abababababab…/),
  });
  expect(existsSync(join(folder(), TEXT))).toBe(false);
  expect(leftovers()).toEqual([]);
  await expect(loadClip('org/tiny', { cacheDir, offline: true })).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
});

test("git's blob hash is checked where the etag is one", async () => {
  file('config.json').etag = 'cd'.repeat(20);
  await expect(pull()).rejects.toThrow(/config\.json: its git hash is/);
});

test.each([429, 500, 503])('status %d is tried again, with growing pauses', async (status) => {
  fail(TEXT, { kind: 'status', status }, { kind: 'status', status });
  await pull();
  expect(waits).toEqual([500, 1000]);
  expect(good()).toBe(true);
});

test('Retry-After is honoured', async () => {
  fail(TEXT, { kind: 'status', status: 429, headers: { 'retry-after': '7' } });
  await pull();
  expect(waits).toContain(7000);
});

test('a server that stays overloaded fails with its status', async () => {
  file('config.json').headFaults = Array.from({ length: 9 }, () => ({ kind: 'status', status: 503 }));
  await expect(pull()).rejects.toMatchObject({
    code: 'DOWNLOAD_FAILED',
    message: expect.stringContaining('answers 503'),
  });
});

test('a hub that cannot be reached fails with its address', async () => {
  await mirror.close();
  await expect(pull()).rejects.toMatchObject({
    code: 'DOWNLOAD_FAILED',
    message: expect.stringMatching(/127\.0\.0\.1.*ECONNREFUSED/),
  });
  mirror = await startMirror(new Map());
});

test('an unknown model is not found', async () => {
  await expect(pullModel(parseHubId('org/nothing')!, options())).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
    message: expect.stringContaining('There is no model org/nothing'),
  });
});

test('a gated model asks for a login', async () => {
  file('config.json').headFaults = [{ kind: 'status', status: 401 }];
  await expect(pull()).rejects.toMatchObject({ message: expect.stringMatching(/accept its terms.*HF_TOKEN/) });
});

test('a model without a text tower is not supported', async () => {
  mirror.files.delete(`org/tiny/${TEXT}`);
  await expect(pull()).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED', message: expect.stringContaining(TEXT) });
});

describe('a model that has no fp32', () => {
  const HALF = 'onnx/text_model_fp16.onnx';
  beforeEach(() => {
    for (const tower of ['text', 'vision']) {
      const full = `org/tiny/onnx/${tower}_model.onnx`;
      mirror.files.set(full.replace('.onnx', '_fp16.onnx'), mirror.files.get(full)!);
      mirror.files.delete(full);
    }
  });

  test('is downloaded in the most precise weights that it has, and complete', async () => {
    await pull();
    expect(mirror.log.filter((line) => line.startsWith('GET onnx')).sort()).toEqual([
      `GET ${HALF}`,
      'GET onnx/vision_model_fp16.onnx',
    ]);
    mirror.log.length = 0;
    const clip = await loadClip('org/tiny', options());
    expect(clip.textModelPath).toBe(join(folder(), HALF));
    expect(mirror.log).toEqual([]);
    expect(await pull({ offline: true })).toBe(folder());
  });

  test('is never used damaged', async () => {
    await pull();
    truncateSync(join(folder(), HALF), 40);
    await expect(pull({ offline: true })).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining(join(folder(), HALF)),
    });
    await pull();
    expect(readFileSync(join(folder(), HALF)).equals(file(HALF).body)).toBe(true);
  });

  test('is downloaded in fp16 if fp32 is asked for, and that is said', async () => {
    const notes: string[] = [];
    const clip = await loadClip('org/tiny', options({ dtype: 'fp32', onNote: (note) => notes.push(note) }));
    expect(clip.textModelPath).toBe(join(folder(), HALF));
    expect(notes).toContain(`org/tiny has no ${TEXT}: ${HALF} is used.`);
    expect(notes).toHaveLength(2); // one for each tower
    mirror.log.length = 0;
    await pull({ dtype: 'fp32' });
    expect(mirror.log).toEqual([]);
  });
});

test('without a network, the weights that were downloaded by --dtype do', async () => {
  mirror.files.set('org/tiny/onnx/text_model_quantized.onnx', file(TEXT));
  await pull({ dtype: 'q8' });
  await mirror.close();
  expect(await pull({ offline: true })).toBe(folder());
  mirror = await startMirror(new Map());
});

test('a model without a vision tower can still read texts, and is complete', async () => {
  mirror.files.delete('org/tiny/onnx/vision_model.onnx');
  await pull();
  mirror.log.length = 0;
  await pull();
  expect(mirror.log).toEqual([]);
});

test('weights beside the ONNX file come with it', async () => {
  const path = 'onnx/text_model.onnx_data';
  file(TEXT).body = withExternalData(file(TEXT).body, 'text_model.onnx_data');
  mirror.files.set(`org/tiny/${path}`, { body: Buffer.alloc(1000, 1) });
  await pull();
  expect(readFileSync(join(folder(), path))).toHaveLength(1000);
});

test('a file that was cut on disk is downloaded again, and refused without a network', async () => {
  await pull();
  truncateSync(join(folder(), TEXT), 40);
  await expect(pull({ offline: true })).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: expect.stringContaining(join(folder(), TEXT)),
  });
  await pull();
  expect(good()).toBe(true);
});

test('without a network, the message says which files are missing and where they go', async () => {
  await pull();
  rmSync(join(folder(), TEXT));
  await expect(pull({ offline: true })).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
    message: expect.stringContaining(`put ${TEXT} into ${folder()}`),
  });
  mkdirSync(join(folder(), 'onnx'), { recursive: true });
  writeFileSync(join(folder(), TEXT), file(TEXT).body);
  expect(await pull({ offline: true })).toBe(folder());
});

test('refresh replaces the files that changed, and only those', async () => {
  await pull();
  const old = file(TEXT).body;
  file(TEXT).body = Buffer.concat([old, field(3, 'a newer producer')]);
  mirror.log.length = 0;
  await pull({ refresh: true });
  expect(mirror.log.filter((line) => line.startsWith('GET'))).toEqual([`GET ${TEXT}`]);
  expect(good()).toBe(true);
});

test('a full disk is noticed before the download', async () => {
  await expect(pull({ transport: { freeBytes: async () => 10 } })).rejects.toMatchObject({
    code: 'FILE_UNWRITABLE',
    message: expect.stringContaining('are needed'),
  });
});

test('two pulls at once download each file once', async () => {
  await Promise.all([
    pull({ transport: { wait: () => new Promise((r) => setImmediate(r)) } }),
    pull({ transport: { wait: () => new Promise((r) => setImmediate(r)) } }),
  ]);
  expect(mirror.log.filter((line) => line === `GET ${TEXT}`)).toHaveLength(1);
  expect(existsSync(join(folder(), '.lock'))).toBe(false);
});

test('a lock whose holder died is broken', async () => {
  mkdirSync(folder(), { recursive: true });
  writeFileSync(join(folder(), '.lock'), '1\n');
  const { utimesSync } = await import('node:fs');
  utimesSync(join(folder(), '.lock'), 0, 0);
  await pull();
  expect(good()).toBe(true);
});

describe('aborting ends a pause at once, with the reason given', () => {
  const reason = new Error('enough');

  /** Makes a pause a minute long, and aborts as soon as it has begun. */
  async function abortPause(isIt: (ms: number) => boolean): Promise<void> {
    const controller = new AbortController();
    const wait = async (ms: number, signal?: AbortSignal) => {
      if (isIt(ms)) setImmediate(() => controller.abort(reason));
      await (isIt(ms) ? defaultTransport.wait(60_000, signal) : undefined);
    };
    await expect(pull({ signal: controller.signal, transport: { wait } })).rejects.toBe(reason);
  }

  test('that the hub asked for', async () => {
    fail(TEXT, { kind: 'status', status: 429, headers: { 'retry-after': '60' } });
    await abortPause((ms) => ms === 60_000);
  }, 5_000);

  test('between two requests', async () => {
    file('config.json').headFaults = Array.from({ length: 9 }, () => ({ kind: 'status', status: 503 }));
    await abortPause((ms) => ms === 1000);
  }, 5_000);

  test('between two attempts at a file', async () => {
    fail(TEXT, { kind: 'garbage' }, { kind: 'garbage' });
    await abortPause((ms) => ms === 1000);
  }, 5_000);

  test('for another process that holds the lock', async () => {
    mkdirSync(folder(), { recursive: true });
    writeFileSync(join(folder(), '.lock'), '1\n');
    await abortPause(() => true);
  }, 5_000);
});

test('aborting ends the download with the reason given', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const pulling = pull({ signal: controller.signal, onProgress: () => controller.abort(reason) });
  await expect(pulling).rejects.toBe(reason);
});

// Files of weights that an .onnx file or an index names: they come with it under whatever names they have, are known one by one, and are
// asked for again if a download ended before they came.
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
import { dirname, join } from 'node:path';
import { loadClip } from '../../engine/clip/clip.ts';
import { pullModel } from '../../engine/hub/fetch-model.ts';
import { type DownloadPlan, type HubOptions, pullFolder } from '../../engine/hub/pull-folder.ts';
import { parseHubId } from '../../engine/hub-id.ts';
import { readModelFile } from '../../engine/onnx/read.ts';
import { writeModel } from '../../engine/onnx/write.ts';
import { tinyClipFiles } from '../clip/tiny-clip.ts';
import { field, withExternalData } from '../helpers/protobuf.ts';
import { type Mirror, type MirrorFile, startMirror } from './hub-mirror.ts';

const TEXT = 'onnx/text_model.onnx';
const id = parseHubId('org/tiny')!;
let cacheDir: string;
let mirror: Mirror;

beforeEach(async () => {
  cacheDir = mkdtempSync(join(tmpdir(), 'pez-beside-'));
  mirror = await startMirror(new Map([...tinyClipFiles()].map(([path, body]) => [`org/tiny/${path}`, { body }])));
});
afterEach(async () => {
  await mirror.close();
  rmSync(cacheDir, { recursive: true });
});

const options = (more: HubOptions = {}): HubOptions => ({
  cacheDir,
  endpoint: mirror.endpoint,
  offline: false,
  transport: { wait: async () => {}, attempts: 2 },
  ...more,
});
const folder = () => join(cacheDir, 'org/tiny/main');
const put = (path: string, body: Buffer): MirrorFile => {
  const file = { body };
  mirror.files.set(`org/tiny/${path}`, file);
  return file;
};
const gets = () => mirror.log.filter((line) => line.startsWith('GET')).map((line) => line.slice(4));

/** The tiny text tower with its table in a file of that name, as `torch.onnx.export` leaves it. */
function tableIn(location: string): Buffer {
  writeFileSync(join(cacheDir, 'whole.onnx'), tinyClipFiles().get(TEXT)!);
  const model = readModelFile(join(cacheDir, 'whole.onnx'));
  const { type, dims, bytes } = model.constants.get('table')!;
  put(`onnx/${location}`, Buffer.from(bytes));
  const external = new Map([['table', { type, dims, location, offset: 0, length: bytes.length }]]);
  return Buffer.from(writeModel({ ...model, constants: new Map() }, external));
}

test.each([
  'text_model.token_embedding.weight',
  '3b719d32-4886-11ef-9f3c-0242ac110002',
  'Constant_2700_attr__value',
  'onnx::Gather_12',
  'table of tokens.bin',
])('a tower whose table lies in "%s" runs', async (location) => {
  const [expected] = await (await loadClip('org/tiny', options())).text.encode(['red cat']);
  rmSync(folder(), { recursive: true });
  put(TEXT, tableIn(location));
  const clip = await loadClip('org/tiny', options());
  expect((await clip.text.encode(['red cat']))[0]).toEqual(expected);
  mirror.log.length = 0;
  await loadClip('org/tiny', options());
  expect(mirror.log).toEqual([]);
});

test('a part in which every tensor has a file of its own', async () => {
  const names = ['conv_in.weight', 'down_blocks.0.resnets.0.conv1.bias', 'mid_block.attentions.0.proj_in.weight'];
  put('unet/model.onnx', withExternalData(Buffer.alloc(0), ...names));
  for (const name of names) put(`unet/${name}`, Buffer.from(name));
  put('unet/conv_out.weight', Buffer.from('not named by the graph'));
  await pullFolder(id, [{ path: 'unet/model.onnx' }], options());
  expect(readdirSync(join(folder(), 'unet')).sort()).toEqual(['model.onnx', ...names].sort());
});

test('a graph of more than 64 MiB names its weights, too', async () => {
  const large = field(7, field(5, field(8, 'folded'), field(9, Buffer.alloc(70 * 2 ** 20))));
  put('unet/model.onnx', withExternalData(large, 'model.onnx_data'));
  put('unet/model.onnx_data', Buffer.from('weights'));
  const plans: DownloadPlan[] = [];
  await pullFolder(id, [{ path: 'unet/model.onnx' }], options({ onPlan: (plan) => plans.push(plan) }));
  expect(gets()).toEqual(['unet/model.onnx', 'unet/model.onnx_data']);
  expect(plans.map(({ files, bytes }) => [files, Math.round(bytes / 2 ** 20)])).toEqual([
    [1, 70],
    [1, 0],
  ]);
});

test('what is about to come is counted before it does: the graphs first, then all of their weights', async () => {
  put(TEXT, withExternalData(tinyClipFiles().get(TEXT)!, 'a', 'b'));
  for (const name of ['a', 'b']) put(`onnx/${name}`, Buffer.alloc(1000));
  const seen: string[] = [];
  await pullModel(
    id,
    options({
      onPlan: ({ repo, files, bytes }) => seen.push(`${repo}: ${files} files, ${bytes} bytes`),
      onProgress: ({ file, receivedBytes, totalBytes }) => {
        if (receivedBytes === totalBytes) seen.push(file);
      },
    }),
  );
  const bytes = [...mirror.files].reduce((sum, [, { body }]) => sum + body.length, 0);
  expect(seen.slice(0, 3)).toEqual(['text_model.onnx', 'vision_model.onnx', `org/tiny: 8 files, ${bytes} bytes`]);
  expect(seen.slice(3).sort()).toEqual(
    ['a', 'b', 'config.json', 'preprocessor_config.json', 'tokenizer.json', 'tokenizer_config.json'].sort(),
  );
});

test('a pull that ended between a graph and its weights is completed by the next one', async () => {
  put(TEXT, withExternalData(tinyClipFiles().get(TEXT)!, 'weights.bin'));
  const weights = put('onnx/weights.bin', Buffer.from('weights'));
  weights.faults = Array.from({ length: 9 }, () => ({ kind: 'drop', afterBytes: 0 }) as const);
  await expect(pullModel(id, options())).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
  expect(existsSync(join(folder(), TEXT))).toBe(true);
  await expect(pullModel(id, options({ offline: true }))).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
    message: expect.stringContaining('put onnx/weights.bin into'),
  });
  weights.faults = [];
  mirror.log.length = 0;
  await pullModel(id, options());
  expect(gets()).toContain('onnx/weights.bin');
  expect(gets()).not.toContain(TEXT);
});

test('weights that were cut on disk are noticed, under any name', async () => {
  put(TEXT, withExternalData(tinyClipFiles().get(TEXT)!, 'Constant_7_attr__value'));
  put('onnx/Constant_7_attr__value', Buffer.from('weights'));
  await pullModel(id, options());
  truncateSync(join(folder(), 'onnx/Constant_7_attr__value'), 3);
  await expect(pullModel(id, options({ offline: true }))).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: expect.stringContaining('Constant_7_attr__value is damaged'),
  });
  await pullModel(id, options());
  expect(readFileSync(join(folder(), 'onnx/Constant_7_attr__value'), 'utf8')).toBe('weights');
});

test('a newer graph may name other weights', async () => {
  put(TEXT, withExternalData(tinyClipFiles().get(TEXT)!, 'old.bin'));
  put('onnx/old.bin', Buffer.from('old'));
  await pullModel(id, options());
  put(TEXT, withExternalData(tinyClipFiles().get(TEXT)!, 'new.bin'));
  put('onnx/new.bin', Buffer.from('new'));
  await pullModel(id, options({ refresh: true }));
  rmSync(join(folder(), 'onnx/old.bin'));
  mirror.log.length = 0;
  await pullModel(id, options());
  expect(mirror.log).toEqual([]);
  expect(readFileSync(join(folder(), 'onnx/new.bin'), 'utf8')).toBe('new');
});

test('a newer graph of many megabytes is not asked for the weights of the old one', async () => {
  const large = (data: string) =>
    withExternalData(field(7, field(5, field(8, 'folded'), field(9, Buffer.alloc(17 * 2 ** 20)))), data);
  const files = [{ path: 'unet/model.onnx' }];
  put('unet/model.onnx', large('old.bin'));
  put('unet/old.bin', Buffer.from('old'));
  await pullFolder(id, files, options());
  mirror.files.delete('org/tiny/unet/old.bin');
  put('unet/model.onnx', large('new.bin'));
  put('unet/new.bin', Buffer.from('new'));
  await pullFolder(id, files, options({ refresh: true }));
  expect(readFileSync(join(folder(), 'unet/new.bin'), 'utf8')).toBe('new');
});

test('weights that the hub lacks are named', async () => {
  put(TEXT, withExternalData(tinyClipFiles().get(TEXT)!, 'gone.bin'));
  await expect(pullModel(id, options())).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
    message: expect.stringContaining('has no onnx/gone.bin at http'),
  });
});

test('a graph whose weights would lie elsewhere is refused before anything is asked for there', async () => {
  put(TEXT, withExternalData(tinyClipFiles().get(TEXT)!, '../../../../.bashrc'));
  await expect(pullModel(id, options())).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: expect.stringContaining('which is not beside it'),
  });
  expect(mirror.log.some((line) => line.includes('bashrc'))).toBe(false);
});

test('what is served under the name of an .onnx file but is none is refused', async () => {
  put(TEXT, Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:00\n'));
  const expected = { code: 'MODEL_INVALID', message: expect.stringContaining('text_model.onnx is not an ONNX file') };
  await expect(pullModel(id, options())).rejects.toMatchObject(expected);
  await expect(pullModel(id, options())).rejects.toMatchObject(expected);
});

test("a model in the hub's own cache is used only if its weights are there, too", async () => {
  const snapshot = join(cacheDir, 'hub/models--org--tiny/snapshots/abc');
  const files = [...tinyClipFiles(), [TEXT, tableIn('table.bin')] as const];
  for (const [path, body] of files) {
    mkdirSync(dirname(join(snapshot, path)), { recursive: true });
    writeFileSync(join(snapshot, path), body);
  }
  const refs = join(cacheDir, 'hub/models--org--tiny/refs');
  mkdirSync(refs);
  writeFileSync(join(refs, 'main'), 'abc');
  const before = { HF_HUB_CACHE: process.env.HF_HUB_CACHE, HF_HOME: process.env.HF_HOME };
  Object.assign(process.env, { HF_HUB_CACHE: join(cacheDir, 'hub'), HF_HOME: join(cacheDir, 'home') });
  try {
    const offline = { offline: true, cacheDir: undefined };
    await expect(pullModel(id, options(offline))).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    writeFileSync(join(snapshot, 'onnx/table.bin'), mirror.files.get('org/tiny/onnx/table.bin')!.body);
    expect(await pullModel(id, options(offline))).toBe(snapshot);
  } finally {
    for (const [name, value] of Object.entries(before))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  }
});

test('a name that is a file and a folder at once ends with a sentence', async () => {
  put(TEXT, withExternalData(tinyClipFiles().get(TEXT)!, 'weights', 'weights/part'));
  for (const name of ['weights', 'weights/part']) put(`onnx/${name}`, Buffer.from(name));
  await expect(pullModel(id, options())).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
});

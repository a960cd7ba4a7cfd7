// Result files: prefix → names, counters that never meet, and what happens where nothing can be written (protocol: Output names).
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createChoiceSources } from '../../../server/files/choice-sources.ts';
import { type DataFolders, dataFolders, emptyTemp, prepareDataFolders } from '../../../server/files/data-folders.ts';
import { fileError } from '../../../server/files/file-error.ts';
import { createNodeFiles } from '../../../server/files/node-files.ts';
import { createOfferedModels, type ModelOptions } from '../../../server/files/offered-models.ts';
import { nextCounter, saveOutputs } from '../../../server/files/output-names.ts';
import { placesIn } from '../../helpers/model-places.ts';

let dir: string;
let folders: DataFolders;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'outputs-'));
  folders = await prepareDataFolders(dir);
});
afterEach(() => rmSync(dir, { recursive: true }));

const files = (count: number) => Array.from({ length: count }, (_, i) => Buffer.from(`picture ${i}`));
const request = (prefix: string, count = 1) =>
  ({ type: 'output', prefix, extension: 'png', width: 64, height: 32, files: files(count) }) as const;

test('the counter goes on from the largest one of that name', async () => {
  for (const name of [
    'ComfyUI_00007_.png',
    'ComfyUI_12_x.webp',
    'ComfyUI_x_00099_.png',
    'Other_00050_.png',
    'ComfyUI_99.png',
  ])
    writeFileSync(join(folders.output, name), '');
  expect(await saveOutputs(folders, request('ComfyUI', 2))).toEqual([
    { filename: 'ComfyUI_00013_.png', subfolder: '', type: 'output' },
    { filename: 'ComfyUI_00014_.png', subfolder: '', type: 'output' },
  ]);
  expect(readFileSync(join(folders.output, 'ComfyUI_00014_.png'), 'utf8')).toBe('picture 1');
});

test('folders of the prefix become the sub-folder, tokens are filled in local time', async () => {
  const now = new Date(2026, 0, 2, 3, 4, 5);
  const [saved] = await saveOutputs(
    folders,
    request('%year%-%month%-%day%/%hour%%minute%%second%/%width%x%height%'),
    now,
  );
  expect(saved).toEqual({ filename: '64x32_00001_.png', subfolder: '2026-01-02/030405', type: 'output' });
  const batch = await saveOutputs(folders, request('b%batch_num%', 2));
  expect(batch.map(({ filename }) => filename)).toEqual(['b0_00001_.png', 'b1_00002_.png']);
  const again = await saveOutputs(folders, request('b%batch_num%', 1));
  expect(again[0].filename).toBe('b0_00003_.png');
});

test('writers at the same moment never overwrite one another', async () => {
  const saved = await Promise.all(Array.from({ length: 12 }, () => saveOutputs(folders, request('same', 3))));
  const names = saved.flat().map(({ filename }) => filename);
  expect(new Set(names).size).toBe(36);
  expect(readdirSync(folders.output)).toHaveLength(36);
});

test.each(['../x', '/x', 'a/../../x', 'link/x', 'C:/x'])(
  'a prefix that leaves the folder is refused: %s',
  async (prefix) => {
    symlinkSync(tmpdir(), join(folders.output, 'link'));
    await expect(saveOutputs(folders, request(prefix))).rejects.toMatchObject({ code: 'PATH_OUTSIDE' });
  },
);

test.each(['a\\b', 'a\0', 'NUL/x', 'x'.repeat(250), 'a /x'])(
  'a prefix that no file can have is refused: %j',
  async (prefix) => {
    await expect(saveOutputs(folders, request(prefix))).rejects.toMatchObject({ code: 'PATH_INVALID' });
  },
);

test('special characters of patterns count as themselves', () => {
  expect(nextCounter('a.b(c', ['a.b(c_00003_.png', 'axb(c_00009_.png'])).toBe(4);
  expect(nextCounter('', ['_00002_.png'])).toBe(3);
});

test('every batch number of a name is the same number, and many of them take no time', () => {
  const name = '%batch_num%-a%batch_num%';
  expect(nextCounter(name, ['0-a0_00003_.png', '12-a12_00007_.png', '1-a2_00009_.png', '-a_00008_.png'])).toBe(8);
  expect(nextCounter('%batch_num%1', ['0011_00004_.png', '11_00005_.png', '1_00006_.png'])).toBe(6);
  expect(nextCounter('a', ['a_00004.png', 'a_x_.png', 'a_1234567890123456_.png'])).toBe(1);
  expect(nextCounter('%batch_num%'.repeat(20), [`${'1'.repeat(240)}x_00001_.png`])).toBe(1); // exponential, it never ended
});

test('a file in the way of a folder, and a full disk, are told with path and advice', async () => {
  writeFileSync(join(folders.output, 'taken'), '');
  await expect(saveOutputs(folders, request('taken/x'))).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
  const full = fileError(Object.assign(new Error('write'), { code: 'ENOSPC' }), '/data/output/a.png');
  expect(full).toMatchObject({
    code: 'FILE_UNWRITABLE',
    message: expect.stringMatching(/\/data\/output\/a\.png.*full.*--data-dir/),
  });
});

test('nodes find inputs by name and annotation, and nothing outside', async () => {
  mkdirSync(join(folders.input, 'sub'));
  writeFileSync(join(folders.input, 'sub/a.png'), '');
  writeFileSync(join(folders.output, 'b.png'), '');
  symlinkSync('/etc', join(folders.input, 'etc'));
  const nodeFiles = createNodeFiles({ folders, writeMetadata: true });
  expect(await nodeFiles.inputPath('sub/a.png')).toMatch(/sub\/a\.png$/);
  expect(await nodeFiles.inputPath('b.png [output]')).toMatch(/output\/b\.png$/);
  await expect(nodeFiles.inputPath('b.png')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  await expect(nodeFiles.inputPath('sub')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  await expect(nodeFiles.inputPath('etc/passwd')).rejects.toMatchObject({ code: 'PATH_OUTSIDE' });
});

test('combos list pictures sorted, and models: the chosen one, bundled ones, folders', () => {
  for (const name of ['b.png', 'a.JPG', 'c.txt', '.d.png']) writeFileSync(join(folders.input, name), '');
  mkdirSync(join(folders.models, 'clip/mine'));
  const sourcesOf = (options: Omit<ModelOptions, 'places'>) =>
    createChoiceSources(folders, createOfferedModels({ places: placesIn(folders.models), ...options }));
  const sources = sourcesOf({ first: { clip: 'my/clip' }, bundled: { clip: ['pico-clip', 'my/clip'] } });
  expect(sources.inputImages()).toEqual(['a.JPG', 'b.png']);
  expect(sources.clips()).toEqual(['my/clip', 'pico-clip', 'mine']);
  for (const name of ['tiny', 'weights']) mkdirSync(join(folders.models, 'checkpoints', name), { recursive: true });
  writeFileSync(join(folders.models, 'checkpoints/tiny/model_index.json'), '{}');
  expect(sources.checkpoints()).toEqual(['tiny']);
  const chosen = sourcesOf({ first: { checkpoint: 'my/sd' }, bundled: { checkpoint: ['pico-diffusion'] } });
  expect(chosen.checkpoints()).toEqual(['my/sd', 'pico-diffusion', 'tiny']);
});

test('the folders of models that loaders read are made at start', () => {
  for (const kind of ['clip', 'checkpoints']) expect(readdirSync(join(folders.models, kind))).toEqual([]);
});

test('temp is emptied, sub-folders too; a data folder that can not be made is told', async () => {
  writeFileSync(join(folders.temp, 'old.png'), '');
  mkdirSync(join(folders.temp, 'sub'));
  await emptyTemp(await prepareDataFolders(dir));
  expect(readdirSync(folders.temp)).toEqual([]);
  writeFileSync(join(dir, 'file'), '');
  await expect(prepareDataFolders(join(dir, 'file'))).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
  expect(dataFolders('x').input).toMatch(/x[\\/]input$/);
});

// What loaders offer of real folders: files and folders, at any depth, through links, and nothing else.
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createOfferedModels, type ModelOptions } from '../../../server/files/offered-models.ts';
import { placesIn } from '../../helpers/model-places.ts';

let dir: string;
let models: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pez-offered-'));
  models = join(dir, 'models');
});
afterEach(() => rmSync(dir, { recursive: true }));

function write(...names: string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), '');
  }
}
const offer = (options: Partial<ModelOptions> = {}) =>
  createOfferedModels({ places: placesIn(models), first: {}, bundled: {}, ...options });

test('checkpoints: files in sub-folders by ComfyUI’s names, folders with an index of parts, and not the parts', () => {
  write(
    'models/checkpoints/b.safetensors',
    'models/checkpoints/SDXL/a.safetensors',
    'models/checkpoints/SDXL/deep/C.SAFETENSORS',
    'models/checkpoints/diffusers/model_index.json',
    'models/checkpoints/diffusers/unet/diffusion_pytorch_model.safetensors',
    'models/checkpoints/SD 1/folder/model_index.json',
    'models/checkpoints/SD 1/folder/vae/x.safetensors',
    'models/checkpoints/old.ckpt',
    'models/checkpoints/notes.txt',
    'models/checkpoints/.hidden.safetensors',
    'models/checkpoints/.git/x.safetensors',
  );
  const offered = offer();
  expect(offered.names('checkpoint')).toEqual([
    'SD 1/folder',
    'SDXL/a.safetensors',
    'SDXL/deep/C.SAFETENSORS',
    'b.safetensors',
    'diffusers',
  ]);
  for (const name of offered.names('checkpoint'))
    expect(offered.locate('checkpoint', name)).toBe(join(models, 'checkpoints', name));
});

test('CLIPs: folders with a config, folders at the top as before, and files of both of ComfyUI’s folders', () => {
  write(
    'models/clip/plain/onnx/text_model.onnx',
    'models/clip/org/name/config.json',
    'models/clip/org/name/model.safetensors',
    'models/clip/flux/t5.safetensors',
    'models/text_encoders/clip_l.safetensors',
  );
  expect(offer().names('clip')).toEqual([
    'clip_l.safetensors',
    'flux/t5.safetensors',
    'org/name',
    'org/name/model.safetensors',
    'plain',
  ]);
});

test('the other kinds: files of their folders, both of ComfyUI’s for diffusion models', () => {
  write(
    'models/loras/style/a.safetensors',
    'models/vae/v.safetensors',
    'models/clip_vision/SD1.5/model.safetensors',
    'models/unet/u.safetensors',
    'models/diffusion_models/d.safetensors',
    'models/loras/pickle.pt',
  );
  const offered = offer();
  expect(offered.names('lora')).toEqual(['style/a.safetensors']);
  expect(offered.names('vae')).toEqual(['v.safetensors']);
  expect(offered.names('clip_vision')).toEqual(['SD1.5/model.safetensors']);
  expect(offered.names('unet')).toEqual(['d.safetensors', 'u.safetensors']);
});

test('the first folder that has a name gives the model; the chosen one and bundled ones stand first', () => {
  write(
    'models/vae/a.safetensors',
    'more/vae/a.safetensors',
    'more/vae/b.safetensors',
    'more/checkpoints/c.safetensors',
  );
  const offered = offer({
    places: placesIn(models, join(dir, 'more')),
    first: { checkpoint: 'c.safetensors' },
    bundled: { checkpoint: ['pico'] },
  });
  expect(offered.names('vae')).toEqual(['a.safetensors', 'b.safetensors']);
  expect(offered.locate('vae', 'a.safetensors')).toBe(join(models, 'vae/a.safetensors'));
  expect(offered.names('checkpoint')).toEqual(['c.safetensors', 'pico']);
  expect(offered.locate('checkpoint', 'c.safetensors')).toBe(join(dir, 'more/checkpoints/c.safetensors'));
});

test('links to files and folders are followed; loops and links that lead nowhere end there', () => {
  write('elsewhere/big.safetensors', 'elsewhere/sub/c.safetensors', 'models/checkpoints/real/x.safetensors');
  const at = join(models, 'checkpoints');
  symlinkSync(join(dir, 'elsewhere'), join(at, 'linked'));
  symlinkSync(join(dir, 'elsewhere/big.safetensors'), join(at, 'file.safetensors'));
  symlinkSync(at, join(at, 'real/loop'));
  symlinkSync(join(at, 'self'), join(at, 'self'));
  symlinkSync(join(dir, 'gone.safetensors'), join(at, 'gone.safetensors'));
  const offered = offer();
  const names = ['file.safetensors', 'linked/big.safetensors', 'linked/sub/c.safetensors', 'real/x.safetensors'];
  expect(offered.names('checkpoint')).toEqual(names);
  write('gone.safetensors');
  expect(offered.names('checkpoint')).toContain('gone.safetensors');
});

test('what changes on the disk changes the list, at once; what does not leaves it the same', () => {
  write('models/loras/a/1.safetensors', 'models/loras/b/2.safetensors');
  const past = new Date(Date.now() - 60_000);
  for (const name of ['', 'a', 'b']) utimesSync(join(models, 'loras', name), past, past);
  const offered = offer();
  const before = offered.names('lora');
  expect(offered.names('lora')).toBe(before);
  write('models/loras/b/3.safetensors');
  expect(offered.names('lora')).toEqual(['a/1.safetensors', 'b/2.safetensors', 'b/3.safetensors']);
  write('models/loras/b/4.safetensors');
  expect(offered.names('lora')).toHaveLength(4);
  rmSync(join(models, 'loras/b'), { recursive: true });
  expect(offered.names('lora')).toEqual(['a/1.safetensors']);
  renameSync(join(models, 'loras/a'), join(models, 'loras/c'));
  expect(offered.names('lora')).toEqual(['c/1.safetensors']);
  expect(offered.locate('lora', 'a/1.safetensors')).toBeUndefined();
});

const NOWHERE = [
  '../secret.safetensors',
  'sub/../../secret.safetensors',
  '..\\secret.safetensors',
  '/etc/passwd',
  '//host/share',
  '\\\\host\\share',
  'C:\\models\\x.safetensors',
  'c:x.safetensors',
  'x.safetensors\0.txt',
  './sub/x.safetensors',
  'sub//x.safetensors',
  'sub/x.safetensors/',
  'sub',
  '',
  '.',
  'toString',
  '__proto__',
  'old.ckpt',
];

test('a name leads to what is listed and nowhere else; sub-folders may be written as on Windows', () => {
  write('models/vae/sub/x.safetensors', 'models/vae/old.ckpt', 'models/secret.safetensors', 'secret.safetensors');
  const offered = offer({ allowHub: true });
  expect(offered.locate('vae', 'sub\\x.safetensors')).toBe(join(models, 'vae/sub/x.safetensors'));
  expect(NOWHERE.filter((name) => offered.locate('vae', name) !== undefined)).toEqual([]);
  // It has the form of a hub id, but files of weights are none.
  expect(offered.locate('vae', 'other/y.safetensors')).toBeUndefined();
  for (const kind of ['clip', 'checkpoint', 'clip_vision'] as const)
    expect(offered.locate(kind, 'org/name')).toBe('org/name');
  for (const kind of ['vae', 'unet', 'lora'] as const) expect(offered.locate(kind, 'org/name')).toBeUndefined();
});

test('folders that link to each other without end are listed up to three links deep', () => {
  const folders = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => join(models, 'vae', name));
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  for (const folder of folders) for (const other of folders) symlinkSync(other, join(folder, `to-${other.at(-1)}`));
  writeFileSync(join(folders[0], 'v.safetensors'), '');
  const names = offer().names('vae');
  expect(names).toEqual(
    expect.arrayContaining(['a/v.safetensors', 'f/to-a/v.safetensors', 'd/to-e/to-f/to-a/v.safetensors']),
  );
  expect(Math.max(...names.map((name) => name.split('/').length))).toBe(5);
});

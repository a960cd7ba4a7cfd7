// extra_model_paths.yaml as ComfyUI reads it, and what is said where it has a mistake.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { readExtraModelPaths } from '../../../server/files/extra-model-paths.ts';
import { findModelPlaces, foldersOf, modelKinds } from '../../../server/files/model-folders.ts';

let comfyui: string;
let file: string;
beforeEach(() => {
  comfyui = mkdtempSync(join(tmpdir(), 'pez-comfyui-'));
  file = join(comfyui, 'extra_model_paths.yaml');
});
afterEach(() => rmSync(comfyui, { recursive: true }));

const read = (text: string) => {
  writeFileSync(file, text);
  return readExtraModelPaths(file);
};

test('several sections: base_path, lists of lines, folders without a base, and sections that are empty', () => {
  const folders = read(`
a111:
    base_path: /somewhere/webui/
    checkpoints: models/Stable-diffusion
    loras: |
         models/Lora

         models/LyCORIS
empty:
other:
    vae: own/vae
    clip: /absolute/clip
    custom_nodes: nodes
`);
  expect(folders).toEqual([
    { kind: 'checkpoints', dir: '/somewhere/webui/models/Stable-diffusion', isDefault: false },
    { kind: 'loras', dir: '/somewhere/webui/models/Lora', isDefault: false },
    { kind: 'loras', dir: '/somewhere/webui/models/LyCORIS', isDefault: false },
    { kind: 'vae', dir: join(comfyui, 'own/vae'), isDefault: false },
    { kind: 'clip', dir: '/absolute/clip', isDefault: false },
  ]);
});

test('base_path may be relative to the file, begin with ~, or have variables; is_default may be yes', () => {
  process.env.PEZ_TEST_MODELS = '/from/variable';
  try {
    const folders = read(`
a: {base_path: shared, vae: x}
b: {base_path: ~/models, vae: x}
c: {base_path: $PEZ_TEST_MODELS/in, vae: x}
d: {base_path: "\${PEZ_TEST_MODELS}/in", vae: x, is_default: yes}
e: {base_path: $PEZ_NO_SUCH_VARIABLE, vae: x}
`);
    expect(folders.map(({ dir }) => dir)).toEqual([
      join(comfyui, 'shared/x'),
      join(homedir(), 'models/x'),
      '/from/variable/in/x',
      '/from/variable/in/x',
      join(comfyui, '$PEZ_NO_SUCH_VARIABLE/x'),
    ]);
    expect(folders.map(({ isDefault }) => isDefault)).toEqual([false, false, false, true, false]);
  } finally {
    delete process.env.PEZ_TEST_MODELS;
  }
});

test('no file, or one that says nothing, adds nothing', () => {
  expect(readExtraModelPaths(file)).toEqual([]);
  for (const text of ['', '# nothing but a comment\n', 'null\n', '---\n']) expect(read(text)).toEqual([]);
});

const MISTAKES: readonly [string, string, RegExp][] = [
  ['a tab', 'a:\n\tvae: x\n', /line 2: /],
  ['an open quote', 'a:\n  vae: "x\n', /line \d: /],
  ['no sections', '- vae\n- clip\n', /line 1: sections are expected/],
  ['a section that is a text', 'a:\n  vae: x\nb: models\n', /line 3: the section b should hold lines/],
  ['a list', 'a:\n  vae:\n    - x\n    - y\n', /line 2: vae should be a folder, or after "\|" several, one a line/],
  ['a folder that is left out', 'a:\n  vae:\n', /line 2: vae should be a folder/],
  ['a base that is a number', 'a:\n  base_path: 5\n', /line 2: base_path should be a folder/],
  ['a flag that is none', 'a:\n  is_default: perhaps\n  vae: x\n', /line 2: is_default should be true or false/],
  ['an alias that grows', `a: &a {vae: x}\nb: *a\n`, /line 2: the section b/],
];

test.each(MISTAKES)('%s is one sentence with the file and the line', (_, text, sentence) => {
  writeFileSync(file, text);
  let error: unknown;
  try {
    readExtraModelPaths(file);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ code: 'OPTION_INVALID', message: expect.stringMatching(sentence) });
  expect(String(error)).toContain(file);
  expect(String(error)).not.toContain('\n');
});

test('a file that is no text of this size, or no file, is refused', () => {
  writeFileSync(file, '#'.repeat(2 ** 20 + 1));
  expect(() => readExtraModelPaths(file)).toThrow(/more than 1048576 bytes/);
  rmSync(file);
  mkdirSync(file);
  expect(() => readExtraModelPaths(file)).toThrow(/can't be read \(EISDIR\)/);
});

test('folders of a kind: the data folder, --models-dir, ComfyUI’s models and its lists; defaults first; older names', () => {
  const [own, more] = [join(comfyui, 'own'), join(comfyui, 'more')];
  for (const dir of [more, join(comfyui, 'models/my-kind')]) mkdirSync(dir, { recursive: true });
  writeFileSync(file, 'a: {checkpoints: late, unet: /u, strange: /s}\nb: {is_default: true, checkpoints: early}\n');
  const places = findModelPlaces({ modelsDirs: [more, `${more}/`], comfyui }, [own]);
  expect(foldersOf(places, 'checkpoints')).toEqual([
    join(comfyui, 'early'),
    join(own, 'checkpoints'),
    join(more, 'checkpoints'),
    join(comfyui, 'models/checkpoints'),
    join(comfyui, 'late'),
  ]);
  const unets = foldersOf(places, 'diffusion_models');
  expect(foldersOf(places, 'unet')).toEqual(unets);
  expect(unets.slice(0, 2)).toEqual([join(own, 'unet'), join(own, 'diffusion_models')]);
  expect(unets.at(-1)).toBe('/u');
  expect(foldersOf(places, 'clip').slice(0, 2)).toEqual([join(own, 'text_encoders'), join(own, 'clip')]);
  expect(modelKinds(places)).toEqual(expect.arrayContaining(['checkpoints', 'my-kind', 'strange']));
});

test('a folder that is not there, or no ComfyUI, is told at once', () => {
  const gone = join(comfyui, 'gone');
  expect(() => findModelPlaces({ modelsDirs: [gone] })).toThrow(
    `--models-dir must be a folder that exists, but is "${gone}".`,
  );
  expect(() => findModelPlaces({ comfyui: gone })).toThrow(/--comfyui must be a folder that exists/);
  expect(() => findModelPlaces({ comfyui })).toThrow(/--comfyui must be the folder of a ComfyUI/);
});

// --models-dir and --comfyui: every command finds models in these folders by their names there.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkpointDir } from '../diffusion/fixture.ts';
import { f32, writeSafetensors } from '../helpers/safetensors-file.ts';
import { writeSplitClip } from '../helpers/split-clip.ts';
import { picture, runCli, standin } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'pez-cli-folders-'));
const models = join(folder, 'models');
const comfyui = join(folder, 'ComfyUI');
beforeAll(() => {
  cpSync(standin, join(models, 'clip/towers/tiny'), { recursive: true });
  cpSync(checkpointDir('sd15'), join(models, 'checkpoints/SD 1/tiny'), { recursive: true });
  mkdirSync(join(comfyui, 'models/loras/styles'), { recursive: true });
  writeSafetensors(join(comfyui, 'models/loras/styles/ink.safetensors'), { a: f32([2], [1, 2]) });
  writeFileSync(join(comfyui, 'extra_model_paths.yaml'), `own:\n  base_path: ..\n  text_encoders: models/clip\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('invert and encode take a CLIP by its name in a folder, and report it by that name', async () => {
  const quick = ['--length', '3', '--steps', '4', '--restarts', '2', '--no-polish', '--json', '--quiet'];
  const inverted = await runCli(['invert', picture, '--clip', 'towers/tiny', '--models-dir', models, ...quick]);
  expect([inverted.code, inverted.stderr]).toEqual([0, '']);
  expect(JSON.parse(inverted.stdout)).toMatchObject({ model: 'towers/tiny', prompt: expect.stringMatching(/\S/) });
  const args = ['encode', 'a tiger', '--clip', 'towers/tiny', '--json'];
  const encoded = await runCli([...args, '--comfyui', comfyui]);
  expect(JSON.parse(encoded.stdout).embeddings).toHaveLength(1);
  const elsewhere = await runCli(args);
  expect([elsewhere.code, elsewhere.stderr]).toEqual([2, expect.stringMatching(/MODEL_NOT_FOUND|DOWNLOAD_FAILED/)]);
});

test('the towers of a CLIP may lie in two files', async () => {
  writeSplitClip(join(models, 'clip/split'), join(models, 'clip_vision/eyes'));
  const args = ['encode', picture, '--clip', 'split/model.safetensors', '--models-dir', models, '--json'];
  const env = { HF_HOME: join(folder, 'home') };
  const paired = await runCli([...args, '--clip-vision', 'eyes/model.safetensors'], { env });
  expect([paired.code, paired.stderr]).toEqual([0, '']);
  expect(JSON.parse(paired.stdout)).toMatchObject({ dim: 24, embeddings: [{ kind: 'image' }] });
  const alone = await runCli(args, { env });
  expect([alone.code, alone.stderr]).toEqual([2, expect.stringMatching(/holds the text tower of a CLIP alone/)]);
});

test('models list has what is in the folders, with kind and size', async () => {
  const args = ['models', 'list', '--models-dir', models, '--comfyui', comfyui];
  const { models: listed } = JSON.parse((await runCli([...args, '--json'])).stdout);
  const names = listed.map(({ name, kind }: { name: string; kind: string }) => `${kind} ${name}`);
  expect(names).toEqual(
    expect.arrayContaining([
      'bundled pico-clip',
      'checkpoint SD 1/tiny',
      'lora styles/ink.safetensors',
      'clip towers/tiny',
    ]),
  );
  const line = (await runCli(args)).stdout.split('\n').find((text) => text.startsWith('styles/ink.safetensors'));
  expect(line).toMatch(/ lora .* 0\.0 MB {2}.*ink\.safetensors$/);
});

test('run draws with a checkpoint of a folder', async () => {
  const out = join(folder, 'pictures');
  const set = ['--set', 'CheckpointLoaderSimple.ckpt_name=SD 1/tiny', '--set', 'KSampler.steps=2'];
  const ran = await runCli(['run', 'text-to-image', ...set, '--models-dir', models, '--out', out, '--json', '--quiet']);
  expect([ran.code, ran.stderr]).toEqual([0, '']);
  expect(JSON.parse(ran.stdout)).toMatchObject({ status: 'success' });
});

test('what is wrong with a folder is one sentence, before anything starts', async () => {
  const refused = async (...args: string[]) => {
    const { code, stderr } = await runCli(args);
    expect([code, stderr.split('\n').length]).toEqual([2, 2]);
    return stderr;
  };
  const gone = join(folder, 'gone');
  for (const command of [
    ['invert', picture],
    ['encode', 'x'],
    ['models', 'list'],
    ['run', 'text-to-image'],
    ['serve'],
    ['demo'],
  ])
    expect(await refused(...command, '--models-dir', gone)).toBe(
      `error: --models-dir must be a folder that exists, but is "${gone}". [OPTION_INVALID]\n`,
    );
  const broken = join(folder, 'broken');
  mkdirSync(broken);
  writeFileSync(join(broken, 'extra_model_paths.yaml'), 'a:\n  base_path: x\n\tclip: y\n');
  expect(await refused('encode', 'x', '--comfyui', broken)).toMatch(
    /extra_model_paths\.yaml, line 3: Tabs are not allowed/,
  );
});

// Models of --models-dir and --comfyui through a real server: lists, metadata, prompts that name them, and what is refused.
// (protocol: Models; Node descriptions)
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageFile } from '../../engine/package-root.ts';
import { checkpointDir } from '../diffusion/fixture.ts';
import { f32, writeSafetensors } from '../helpers/safetensors-file.ts';
import { type Json, startTestServer, type TestServer } from '../helpers/server.ts';

const outside = mkdtempSync(join(tmpdir(), 'pez-model-folders-'));
const more = join(outside, 'more');
const comfyui = join(outside, 'ComfyUI');
const file = (path: string, metadata?: Record<string, string>) => {
  mkdirSync(join(path, '..'), { recursive: true });
  writeSafetensors(path, { weight: f32([1], [1]) }, metadata);
};

let server: TestServer;
beforeAll(async () => {
  cpSync(checkpointDir('sd15'), join(more, 'checkpoints/drawers/sd15'), { recursive: true });
  cpSync(packageFile('models/pico-clip'), join(more, 'clip/copy'), { recursive: true });
  file(join(more, 'checkpoints/SDXL/base.safetensors'), { title: 'more' });
  file(join(comfyui, 'models/checkpoints/SDXL/base.safetensors'), { title: 'ComfyUI' });
  file(join(comfyui, 'models/loras/styles/ink.safetensors'), { ss_network_module: 'networks.lora' });
  file(join(outside, 'webui/vae/v.safetensors'));
  mkdirSync(join(more, 'loras'));
  symlinkSync(join(outside, 'webui/vae'), join(more, 'loras/linked'));
  writeFileSync(join(comfyui, 'models/checkpoints/old.ckpt'), 'pickle');
  const section = `webui:\n  base_path: ../webui\n  vae: |\n    vae\n    gone\n`;
  writeFileSync(join(comfyui, 'extra_model_paths.yaml'), section);
  server = await startTestServer({ modelsDirs: [more], comfyui });
});
afterAll(async () => {
  await server.close();
  rmSync(outside, { recursive: true });
});

const choicesOf = async (type: string, input: string): Promise<string[]> =>
  (await server.get(`/object_info/${type}`))[type].input.required[input][0];
const graph = (ckpt_name: string): Json => ({
  '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name } },
  '2': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
  '3': { class_type: 'VAEDecode', inputs: { samples: ['2', 0], vae: ['1', 2] } },
  '4': { class_type: 'PreviewImage', inputs: { images: ['3', 0] } },
});
const refusal = async (ckpt_name: string): Promise<string> =>
  (await server.post('/prompt', { prompt: graph(ckpt_name) })).body.node_errors['1'].errors[0].details;

test('drop-downs, /models and the model browser have the same list', async () => {
  const checkpoints = ['pico-diffusion', 'SDXL/base.safetensors', 'drawers/sd15'];
  expect(await choicesOf('CheckpointLoaderSimple', 'ckpt_name')).toEqual(checkpoints);
  expect(await server.get('/models/checkpoints')).toEqual(checkpoints);
  expect((await server.get('/experiment/models/checkpoints')).map(({ name }: Json) => name)).toEqual(checkpoints);
  expect(await choicesOf('CLIPLoader', 'clip_name')).toEqual(['pico-clip', 'copy']);
  expect(await server.get('/models/loras')).toEqual(['linked/v.safetensors', 'styles/ink.safetensors']);
  expect(await server.get('/models/vae')).toEqual(['v.safetensors']);
});

test('the model browser knows the folders, and which of them a model lies in', async () => {
  const kinds: Json[] = await server.get('/experiment/models');
  const { folders } = kinds.find(({ name }) => name === 'checkpoints');
  const own = join(server.dataDir, 'models');
  expect(folders).toEqual([own, more, join(comfyui, 'models')].map((root) => join(root, 'checkpoints')));
  const [, base] = await server.get('/experiment/models/checkpoints');
  expect(base).toMatchObject({ name: 'SDXL/base.safetensors', pathIndex: 1, size: expect.any(Number) });
  expect((await server.get('/internal/folder_paths')).vae).toContain(join(outside, 'webui/vae'));
});

test('metadata is that of the model that a loader would take, through links too', async () => {
  const metadata = (folder: string, name: string) =>
    server.get(`/view_metadata/${folder}?filename=${encodeURIComponent(name)}`);
  expect(await metadata('checkpoints', 'SDXL/base.safetensors')).toEqual({ title: 'more' });
  expect(await metadata('loras', 'styles/ink.safetensors')).toEqual({ ss_network_module: 'networks.lora' });
  const status = async (path: string) => (await fetch(server.url + path)).status;
  for (const path of [
    '/view_metadata/loras?filename=linked/v.safetensors',
    '/view_metadata/vae?filename=../webui/vae/v.safetensors',
    `/view_metadata/vae?filename=${encodeURIComponent(join(outside, 'webui/vae/v.safetensors'))}`,
    '/view_metadata/%2e%2e%2fwebui?filename=vae/v.safetensors',
  ])
    expect([path, await status(path)]).toEqual([path, 404]);
});

test('a checkpoint in a sub-folder of another folder runs; Windows’ backslash is understood', async () => {
  for (const name of ['drawers/sd15', 'drawers\\sd15']) {
    const { history } = await server.run(graph(name));
    expect([name, history.status.status_str]).toEqual([name, 'success']);
  }
});

test('a pickle is refused with why, and how to make a file of it that is read', async () => {
  expect(await refusal('old.ckpt')).toMatch(
    /^ckpt_name: 'old\.ckpt' not in \[.*\]\. old\.ckpt is a pickle: reading it can run code .*torch\.load\('old\.ckpt', 'cpu', weights_only=True\).*'old' \+ '\.safetensors'/,
  );
});

test('a file that is not there, and a name that is a path, are refused with where to put it', async () => {
  expect(await refusal('SDXL/gone.safetensors')).toMatch(
    /Put the file into models\/checkpoints in the data folder, or start the server with --models-dir or --comfyui/,
  );
  for (const name of [join(more, 'checkpoints/SDXL/base.safetensors'), '../loras/x.safetensors', 'C:\\x.safetensors'])
    expect(await refusal(name)).toMatch(/A graph cannot name a path/);
});

test('a model that is put there while the server runs is offered at once', async () => {
  file(join(comfyui, 'models/loras/new.safetensors'));
  expect(await server.get('/models/loras')).toContain('new.safetensors');
  rmSync(join(comfyui, 'models/loras/new.safetensors'));
  expect(await server.get('/models/loras')).not.toContain('new.safetensors');
});

test('a folder or file that the options name must be there at the start', async () => {
  const start = (options: object) => startTestServer({ dataDir: server.dataDir, ...options });
  await expect(start({ modelsDirs: [join(outside, 'gone')] })).rejects.toThrow(
    /--models-dir must be a folder that exists/,
  );
  await expect(start({ comfyui: outside })).rejects.toThrow(/--comfyui must be the folder of a ComfyUI/);
  const pickle = join(comfyui, 'models/checkpoints/old.ckpt');
  await expect(start({ checkpoint: pickle })).rejects.toThrow(/--checkpoint: .*old\.ckpt is a pickle/);
  await expect(start({ checkpoint: join(outside, 'gone.safetensors') })).rejects.toThrow(
    /--checkpoint must be a bundled model/,
  );
  const broken = join(outside, 'broken');
  mkdirSync(join(broken, 'models'), { recursive: true });
  writeFileSync(join(broken, 'extra_model_paths.yaml'), 'a:\n  checkpoints: [x]\n');
  await expect(start({ comfyui: broken })).rejects.toThrow(
    /extra_model_paths\.yaml, line 2: checkpoints should be a folder/,
  );
});

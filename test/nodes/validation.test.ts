// Graphs as ComfyUI's front end sends them pass our nodes' declarations; what is out of range does not.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodes } from '../../nodes/index.ts';
import type { Registry } from '../../server/packs/registry.ts';
import { validatePrompt } from '../../server/validate/validate-prompt.ts';
import { makeContext, type TestContext, testSources } from '../helpers/node-context.ts';

const registry: Registry = new Map(nodes.map((definition) => [definition.type, { definition, module: 'nodes' }]));

let context: TestContext;
beforeEach(() => {
  context = makeContext();
  copyFileSync('examples/tiger.png', join(context.dir, 'input/new upload.png'));
});
afterEach(() => context.close());

const graph = (changes: Readonly<Record<string, unknown>> = {}) => ({
  1: { class_type: 'LoadImage', inputs: { image: 'new upload.png', upload: 'image' } },
  2: { class_type: 'CLIPLoader', inputs: { clip_name: 'pico-clip', type: 'stable_diffusion', device: 'default' } },
  3: {
    class_type: 'ImageScale',
    inputs: { image: ['1', 0], upscale_method: 'lanczos', width: 64, height: 0, crop: 'center' },
  },
  4: {
    class_type: 'PEZInvert',
    inputs: {
      images: ['3', 0],
      clip: ['2', 0],
      preset: 'custom',
      length: 8,
      seed: 18446744073709551615n,
      steps: 120,
      restarts: 8,
      ...changes,
    },
  },
  5: {
    class_type: 'PromptBlend',
    inputs: {
      clip: ['2', 0],
      mode: 'joint',
      prompts: '',
      length: 0,
      seed: 0,
      steps: 1,
      restarts: 1,
      prompt_1: ['4', 0],
      prompt_2: ['4', 2],
      image_1: ['1', 0],
    },
  },
  6: { class_type: 'PreviewAny', inputs: { source: ['5', 1] } },
  7: { class_type: 'SaveImage', inputs: { images: ['4', 3], filename_prefix: 'ComfyUI' } },
});
const validate = (prompt: unknown) => validatePrompt(prompt, { registry, sources: testSources, files: context.files });

test('a graph of all kinds of links and literals is good, a file that came after the list was read included', async () => {
  const { nodeErrors, outputs, error } = await validate(graph());
  expect({ nodeErrors, error }).toEqual({ nodeErrors: {}, error: undefined });
  expect([...outputs].sort()).toEqual(['6', '7']);
});

test.each([
  [{ length: 76 }, 'value_bigger_than_max'],
  [{ seed: 2n ** 64n }, 'value_bigger_than_max'],
  [{ seed: -1 }, 'value_smaller_than_min'],
  [{ preset: 'best' }, 'value_not_in_list'],
  [{ images: ['2', 0] }, 'return_type_mismatch'],
  [{ images: undefined }, 'required_input_missing'],
])('%p is refused with %s', async (changes, type) => {
  const prompt = graph(changes);
  if (Object.values(changes).includes(undefined)) Reflect.deleteProperty(prompt[4].inputs, Object.keys(changes)[0]);
  const { nodeErrors } = await validate(prompt);
  expect(nodeErrors['4'].errors.map((e) => e.type)).toEqual([type]);
});

test('a picture that is not there is refused by LoadImage itself', async () => {
  const { nodeErrors } = await validate({
    1: { class_type: 'LoadImage', inputs: { image: 'gone.png' } },
    2: { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
  });
  expect(nodeErrors['1'].errors).toMatchObject([
    { type: 'custom_validation_failed', details: expect.stringContaining('Invalid image file: gone.png') },
  ]);
});

// CLIP's text tower built from weights in each layout, against PyTorch.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import {
  bareTextConfig,
  type OpenClipConfig,
  openClipTextConfig,
  type TransformersTowerConfig,
  transformersTextConfig,
} from '../../engine/architectures/clip-config.ts';
import { buildClipText, type ClipTextConfig } from '../../engine/architectures/clip-text.ts';
import { clipIn, type FoundClip } from '../../engine/architectures/layouts/clip.ts';
import { placeGraph } from '../../engine/architectures/place-graph.ts';
import { openSession } from '../../engine/onnx/session.ts';
import { openWeights } from '../../engine/safetensors/weights.ts';
import { type ClipFixture, clipFixture, type NumberTable, writeClip } from '../helpers/clip-weights.ts';

const folder = mkdtempSync(join(tmpdir(), 'clip-text-'));
const cacheDir = join(folder, 'cache');
afterAll(() => rmSync(folder, { recursive: true }));

/** The facts that the tensors do not say. */
const CONFIGS: Record<string, (fixture: ClipFixture, found: FoundClip) => ClipTextConfig> = {
  'transformers-quick-gelu': ({ config }) => transformersTextConfig(config.text_config as TransformersTowerConfig, 'x'),
  'transformers-gelu': ({ config }) => transformersTextConfig(config.text_config as TransformersTowerConfig, 'x'),
  'text-model-alone': ({ config }) => transformersTextConfig(config, 'x'),
  'open-clip-gelu': ({ config }) => openClipTextConfig(config.model_cfg as OpenClipConfig, 'x'),
  'open-clip-quick-gelu': ({ config }) => openClipTextConfig(config.model_cfg as OpenClipConfig, 'x'),
  'open-clip-bare': (_, found) => bareTextConfig(found),
};

/** The largest difference, of the positions that the fixture has. */
function distance(output: ort.Tensor, { dims, data }: NumberTable): number {
  const [, length, width] = dims;
  const numbers = output.data as Float32Array;
  const at = (i: number) => {
    if (dims.length === 2) return numbers[i];
    const [row, rest] = [Math.floor(i / (length * width)), i % (length * width)];
    return numbers[row * output.dims[1] * width + rest];
  };
  return Math.max(...data.map((value, i) => Math.abs(value - at(i))));
}

test.each(Object.keys(CONFIGS))('%s: embedding, pooled state and every hidden state are PyTorch’s', async (name) => {
  const fixture = clipFixture(name);
  const path = join(folder, `${name}.safetensors`);
  writeClip(path, fixture, 'some.prefix.');
  const found = clipIn(openWeights(path), 'some.prefix.')!;
  const config = CONFIGS[name](fixture, found);
  const graph = buildClipText({ config, parameters: found.parameters, hiddenStates: true });
  const session = await openSession(placeGraph(graph, { name: 'text_model', cacheDir }));
  const { ids, text } = fixture;
  const out = await session.run({ input_ids: new ort.Tensor('int64', BigInt64Array.from(ids.data, BigInt), ids.dims) });
  expect(session.outputNames.includes('text_embeds')).toBe(text.text_embeds !== undefined);
  if (text.text_embeds) expect(distance(out.text_embeds, text.text_embeds)).toBeLessThan(1e-4);
  expect(distance(out.pooler_output, text.pooler_output)).toBeLessThan(1e-4);
  expect(distance(out.last_hidden_state, text.last_hidden_state)).toBeLessThan(1e-4);
  text.hidden_states.forEach((states, n) => {
    expect(distance(out[`hidden_states.${n}`], states)).toBeLessThan(1e-4);
  });
  expect(out['normed_hidden_states.2'].data).toEqual(out.last_hidden_state.data);
});

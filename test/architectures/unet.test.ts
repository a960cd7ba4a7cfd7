import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WeightGraph } from '../../engine/architectures/graph-builder.ts';
import type { Parameters } from '../../engine/architectures/layers.ts';
import { placeGraph } from '../../engine/architectures/place-graph.ts';
import { buildUnet, type UnetOptions } from '../../engine/architectures/unet.ts';
import { unetConfigOf } from '../../engine/architectures/unet-config.ts';
import { makeOnnxModel } from '../../engine/diffusion/onnx-model.ts';
import { makeUnet } from '../../engine/diffusion/unet.ts';
import { openWeights } from '../../engine/safetensors/weights.ts';

const cacheDir = mkdtempSync(join(tmpdir(), 'unet-'));
afterAll(() => rmSync(cacheDir, { recursive: true }));

const FIXTURES = fileURLToPath(new URL('../fixtures/unet', import.meta.url));

interface Values {
  readonly dims: number[];
  readonly data: number[];
}

interface Fixture {
  readonly config: Record<string, unknown>;
  readonly guidance: number;
  readonly cases: Record<string, { inputs: Record<string, Values>; output: Values }>;
}

const fixture = (name: string): Fixture => JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8'));

function parametersOf(name: string, changed: (name: string) => string = (n) => n): Parameters {
  const weights = openWeights(join(FIXTURES, `${name}.safetensors`));
  return { source: weights.source, find: (n) => weights.get(changed(n)) };
}

function graphOf(name: string, options: Partial<UnetOptions> = {}): WeightGraph {
  const parameters = parametersOf(name);
  return buildUnet({ config: unetConfigOf(parameters, fixture(name).config), parameters, ...options });
}

const unetOf = (name: string, options: Partial<UnetOptions> = {}) =>
  makeUnet(makeOnnxModel(placeGraph(graphOf(name, options), { name: 'unet', cacheDir }), 'cpu'));

function largestDifference(got: ArrayLike<number>, want: readonly number[]): number {
  expect(got.length).toBe(want.length);
  return want.reduce((largest, value, i) => Math.max(largest, Math.abs(value - got[i])), 0);
}

describe.each(['fused', 'plain'] as const)('%s attention', (attention) => {
  test.each(['sd15', 'sd21', 'sdxl', 'lcm'])('%s agrees with PyTorch, at odd sizes, too', async (name) => {
    const unet = unetOf(name, { attention });
    const { cases, guidance } = fixture(name);
    for (const { inputs, output } of Object.values(cases)) {
      const [batch, length, width] = inputs.encoder_hidden_states.dims;
      const got = await unet.run({
        shape: inputs.sample.dims as [number, number, number, number],
        sample: Float32Array.from(inputs.sample.data),
        timestep: inputs.timestep.data[0],
        states: Float32Array.from(inputs.encoder_hidden_states.data),
        length,
        width,
        ...(inputs.text_embeds && { pooled: Float32Array.from(inputs.text_embeds.data) }),
        timeIds: inputs.time_ids?.data.slice(0, inputs.time_ids.data.length / batch) ?? [],
        guidance,
      });
      expect(largestDifference(got, output.data)).toBeLessThan(1e-4);
    }
    await unet.model.release();
  });
});

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as ort from 'onnxruntime-node';
import type { WeightGraph } from '../../engine/architectures/graph-builder.ts';
import type { Parameters } from '../../engine/architectures/layers.ts';
import { placeGraph } from '../../engine/architectures/place-graph.ts';
import { buildUnet, type UnetOptions } from '../../engine/architectures/unet.ts';
import { unetConfigOf } from '../../engine/architectures/unet-config.ts';
import { gradient } from '../../engine/autodiff/gradient.ts';
import { makeOnnxModel } from '../../engine/diffusion/onnx-model.ts';
import { makeUnet } from '../../engine/diffusion/unet.ts';
import { writeModel } from '../../engine/onnx/write.ts';
import { openWeights, readWeight } from '../../engine/safetensors/weights.ts';

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

test('the plain form can be differentiated by the picture and by the prompt', async () => {
  const { inputs } = fixture('sdxl').cases.odd;
  const { model, weights } = graphOf('sdxl', { attention: 'plain' });
  const constants = new Map([...weights].map(([name, weight]) => [name, readWeight(weight)] as const));
  const wrt = ['sample', 'encoder_hidden_states'];
  const bytes = await gradient(writeModel({ ...model, constants: new Map([...model.constants, ...constants]) }), {
    of: 'out_sample',
    wrt,
    dims: Object.fromEntries(Object.entries(inputs).map(([name, { dims }]) => [name, dims])),
  });
  const session = await ort.InferenceSession.create(bytes);
  const run = async (changed: Record<string, Float32Array> = {}) =>
    session.run(
      Object.fromEntries(
        Object.entries(inputs).map(([name, { dims, data }]) => [
          name,
          new ort.Tensor('float32', changed[name] ?? Float32Array.from(data), dims),
        ]),
      ),
    );
  const sum = (values: ort.Tensor) => (values.data as Float32Array).reduce((a, b) => a + b, 0);
  const at = await run();
  for (const name of wrt) {
    // Along a fixed direction, against a central difference.
    const direction = inputs[name].data.map((_, i) => Math.sin(i + 1));
    const step = (h: number) => Float32Array.from(inputs[name].data, (x, i) => x + h * direction[i]);
    const [after, before] = [await run({ [name]: step(0.004) }), await run({ [name]: step(-0.004) })];
    const expected = (sum(after.out_sample) - sum(before.out_sample)) / 0.008;
    const found = (at[`${name}_grad`].data as Float32Array).reduce((total, g, i) => total + g * direction[i], 0);
    expect(Math.abs(found - expected)).toBeLessThan(0.01 * Math.max(1, Math.abs(expected)));
  }
  await session.release();
});

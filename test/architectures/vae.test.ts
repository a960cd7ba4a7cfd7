import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Parameters } from '../../engine/architectures/layers.ts';
import { placeGraph } from '../../engine/architectures/place-graph.ts';
import { buildVaeDecoder, buildVaeEncoder } from '../../engine/architectures/vae.ts';
import { floats, makeOnnxModel } from '../../engine/diffusion/onnx-model.ts';
import { makeVae } from '../../engine/diffusion/vae.ts';
import { openWeights } from '../../engine/safetensors/weights.ts';

const cacheDir = mkdtempSync(join(tmpdir(), 'vae-'));
afterAll(() => rmSync(cacheDir, { recursive: true }));

const FIXTURES = fileURLToPath(new URL('../fixtures/unet', import.meta.url));

interface Values {
  readonly dims: number[];
  readonly data: number[];
}

const { cases } = JSON.parse(readFileSync(join(FIXTURES, 'vae.json'), 'utf8')) as {
  cases: Record<string, { latent: Values; decoded: Values; picture: Values; encoded: Values }>;
};

const weights = openWeights(join(FIXTURES, 'vae.safetensors'));

/** Canonical name → name in the file. */
const NAMES: Record<string, (name: string) => string> = {
  "today's": (name) => name,
  older: (name) => {
    if (/\.to_(q|k|v|out)/.test(name)) return 'not there';
    const names = { query: 'to_q', key: 'to_k', value: 'to_v', proj_attn: 'to_out.0' };
    return Object.entries(names).reduce((n, [old, now]) => n.replace(`.${old}.`, `.${now}.`), name);
  },
};

const parametersOf = (rename: (name: string) => string): Parameters => ({
  source: weights.source,
  find: (name) => weights.get(rename(name)),
});

function modelsOf(parameters: Parameters, attention: 'fused' | 'plain') {
  const options = { parameters, groups: 4, attention };
  const place = (name: string, build: typeof buildVaeDecoder) =>
    makeOnnxModel(placeGraph(build(options), { name, cacheDir }), 'cpu');
  return { decoder: place('decoder', buildVaeDecoder), encoder: place('encoder', buildVaeEncoder) };
}

const difference = (got: ArrayLike<number>, want: readonly number[]): number => {
  expect(got.length).toBe(want.length);
  return want.reduce((largest, value, i) => Math.max(largest, Math.abs(value - got[i])), 0);
};

test.each([
  ["today's", 'fused'],
  ["today's", 'plain'],
  ['older', 'fused'],
] as const)('with %s names and %s attention, both ways agree with PyTorch', async (names, attention) => {
  const { decoder, encoder } = modelsOf(parametersOf(NAMES[names]), attention);
  for (const { latent, decoded, picture, encoded } of Object.values(cases)) {
    const [out] = await decoder.run({ latent_sample: floats(Float32Array.from(latent.data), latent.dims) }, ['sample']);
    expect(out.dims).toEqual(decoded.dims);
    expect(difference(out.data, decoded.data)).toBeLessThan(1e-4);
    const [moments] = await encoder.run({ sample: floats(Float32Array.from(picture.data), picture.dims) }, [
      'latent_parameters',
    ]);
    expect(moments.dims).toEqual(encoded.dims);
    expect(difference(moments.data, encoded.data)).toBeLessThan(1e-4);
  }
  for (const model of [decoder, encoder]) await model.release();
});

test('pictures go to latents and back through the VAE that nodes use', async () => {
  const { decoder, encoder } = modelsOf(
    parametersOf((name) => name),
    'fused',
  );
  const config = { channels: 4, scale: 2, scalingFactor: 1, shiftFactor: 0 };
  const vae = makeVae(config, decoder, encoder);
  const { latent, decoded, encoded } = cases.even;
  const pictures = await vae.decode({
    shape: latent.dims as [number, number, number, number],
    data: Float32Array.from(latent.data),
  });
  expect(pictures.shape).toEqual([1, decoded.dims[2], decoded.dims[3], 3]);
  expect(pictures.data[0]).toBeCloseTo(Math.min(Math.max(decoded.data[0] / 2 + 0.5, 0), 1), 4);
  expect((await vae.encode(pictures)).shape).toEqual([1, 4, encoded.dims[2], encoded.dims[3]]);
  await Promise.all([decoder.release(), encoder.release()]);
});

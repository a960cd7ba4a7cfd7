// A graph with LoRAs beside its weights, against the same graph over weights into which the LoRAs were merged.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as ort from 'onnxruntime-node';
import type { Parameters } from '../../engine/architectures/layers.ts';
import { openLora, unetStems } from '../../engine/architectures/lora.ts';
import { placeGraph } from '../../engine/architectures/place-graph.ts';
import { buildUnet } from '../../engine/architectures/unet.ts';
import { unetConfigOf } from '../../engine/architectures/unet-config.ts';
import { openSession } from '../../engine/onnx/session.ts';
import { toFloat32 } from '../../engine/onnx/tensor.ts';
import { openWeights, readWeight } from '../../engine/safetensors/weights.ts';
import { random } from '../helpers/random.ts';
import { f32, type TensorSpec, writeSafetensors } from '../helpers/safetensors-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'lora-graph-'));
afterAll(() => rmSync(folder, { recursive: true }));

const FIXTURES = fileURLToPath(new URL('../fixtures/unet', import.meta.url));
const NAME = 'sd15';
const { config, cases } = JSON.parse(readFileSync(join(FIXTURES, `${NAME}.json`), 'utf8'));
const base = openWeights(join(FIXTURES, `${NAME}.safetensors`));

/** Every layer with a matrix or a kernel. */
const LAYERS = [...base.names]
  .filter((name) => name.endsWith('.weight') && base.dims(name)!.length > 1)
  .map((name) => name.slice(0, -'.weight'.length));

interface Branch {
  readonly up: Float32Array;
  readonly down: Float32Array;
  readonly rank: number;
}

/** Random branches for some layers; a convolution's down matrix has the layer's kernel, its up matrix is a point. */
function makeBranches(layers: readonly string[], { rank, seed }: { rank: number; seed: number }): Map<string, Branch> {
  return new Map(
    layers.map((layer, i) => {
      const [out, ...rest] = base.dims(`${layer}.weight`)!;
      const size = rest.reduce((a, b) => a * b);
      const next = random(seed + i);
      const [up, down] = [out * rank, rank * size].map((n) => Float32Array.from({ length: n }, () => next() - 0.5));
      return [layer, { up, down, rank }];
    }),
  );
}

const kohya = (layer: string) => `lora_unet_${layer.replaceAll('.', '_')}`;
const NAMES = {
  kohya: (layer: string) => [
    `${kohya(layer)}.lora_up.weight`,
    `${kohya(layer)}.lora_down.weight`,
    `${kohya(layer)}.alpha`,
  ],
  peft: (layer: string) => [`unet.${layer}.lora_B.weight`, `unet.${layer}.lora_A.weight`],
};

function writeLora(path: string, branches: ReadonlyMap<string, Branch>, names: keyof typeof NAMES): void {
  const tensors = [...branches].flatMap(([layer, { up, down, rank }]): [string, TensorSpec][] => {
    const [out, input, ...kernel] = base.dims(`${layer}.weight`)!;
    const [upName, downName, alpha] = NAMES[names](layer);
    return [
      [upName, f32([out, rank, ...kernel.map(() => 1)], Array.from(up))],
      [downName, f32([rank, input, ...kernel], Array.from(down))],
      ...(alpha ? [[alpha, f32([], [1])] as [string, TensorSpec]] : []),
    ];
  });
  writeSafetensors(path, Object.fromEntries(tensors));
}

/** W + factor · up·down */
function merged(weight: Float32Array, { up, down, rank }: Branch, factor: number): Float32Array {
  const size = down.length / rank;
  return weight.map((value, i) => {
    const [row, column] = [Math.floor(i / size), i % size];
    let sum = 0;
    for (let r = 0; r < rank; r++) sum += up[row * rank + r] * down[r * size + column];
    return value + factor * sum;
  });
}

async function run(parameters: Parameters, strengths: Record<string, number> = {}): Promise<Float32Array> {
  const graph = buildUnet({ config: unetConfigOf(parameters, config), parameters });
  const session = await openSession(placeGraph(graph, { name: 'unet', cacheDir: folder }));
  const { inputs } = Object.values(cases)[0] as { inputs: Record<string, { dims: number[]; data: number[] }> };
  const feeds = session.inputNames.map((name) => {
    if (name in strengths) return [name, new ort.Tensor('float32', [strengths[name]], [])];
    const { dims, data } = inputs[name];
    return [name, new ort.Tensor('float32', Float32Array.from(data), dims)];
  });
  const { out_sample: output } = await session.run(Object.fromEntries(feeds));
  await session.release();
  return output.data as Float32Array;
}

const find = (name: string) => base.get(name);
const plain: Parameters = { source: base.source, find };
const applied = (path: string, strength: string) => {
  const lora = openLora(path);
  return { path, strength, find: (layer: string) => lora.find(unetStems(layer, undefined)) };
};

const largestDifference = (a: Float32Array, b: Float32Array) =>
  a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0);

const first = join(folder, 'first.safetensors');
const second = join(folder, 'second.safetensors');
const all = makeBranches(LAYERS, { rank: 2, seed: 1 });
const some = makeBranches(
  LAYERS.filter((_, i) => i % 3 === 0),
  { rank: 4, seed: 1000 },
);
writeLora(first, all, 'kohya');
writeLora(second, some, 'peft');

test.each([
  [0.8, -0.5],
  [0, 1],
  [0, 0],
])('two LoRAs at %d and %d do what merging them does', async (a, b) => {
  const tensors = [...base.names].map((name): [string, TensorSpec] => {
    const weight = base.get(name)!;
    const layer = name.slice(0, -'.weight'.length);
    let values = toFloat32(readWeight(weight));
    const [one, two] = [all.get(layer), some.get(layer)];
    if (one && name.endsWith('.weight')) values = merged(values, one, (a * 1) / 2); // alpha 1, rank 2
    if (two && name.endsWith('.weight')) values = merged(values, two, b);
    return [name, f32(weight.dims, Array.from(values))];
  });
  const path = join(folder, 'merged.safetensors');
  writeSafetensors(path, Object.fromEntries(tensors));
  const weights = openWeights(path);
  const want = await run({ source: path, find: (name) => weights.get(name) });
  const loras = [applied(first, 'strength.0'), applied(second, 'strength.1')];
  const got = await run({ ...plain, loras }, { 'strength.0': a, 'strength.1': b });
  const scale = want.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  expect(largestDifference(got, want) / scale).toBeLessThan(1e-4);
  const moved = largestDifference(want, await run(plain));
  if (a !== 0 || b !== 0) expect(moved / scale).toBeGreaterThan(0.01);
  else expect(moved).toBe(0);
});

test('a LoRA for another model is refused, with both shapes', async () => {
  const path = join(folder, 'other.safetensors');
  const layer = 'down_blocks.0.resnets.0.conv1';
  writeSafetensors(path, {
    [`${kohya(layer)}.lora_up.weight`]: f32([7, 1, 1, 1], Array(7).fill(0)),
    [`${kohya(layer)}.lora_down.weight`]: f32([1, 5, 3, 3], Array(45).fill(0)),
  });
  await expect(run({ ...plain, loras: [applied(path, 's')] }, { s: 1 })).rejects.toThrow(
    /made for another model: its branch of "down_blocks.0.resnets.0.conv1" leads from \[5,3,3\] to \[7\]/,
  );
});

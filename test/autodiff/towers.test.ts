// Gradients of whole text towers, exported as the hub's files are, against PyTorch in float64.
import * as ort from 'onnxruntime-node';
import { addGradient, gradientName } from '../../engine/autodiff/gradient.ts';
import { cutAtEmbedding, EMBEDS } from '../../engine/onnx/cut.ts';
import type { Model } from '../../engine/onnx/graph.ts';
import { readModelFile } from '../../engine/onnx/read.ts';
import { createSession } from '../../engine/onnx/session.ts';
import { specialise } from '../../engine/onnx/specialise.ts';
import { tensor } from '../../engine/onnx/tensor.ts';
import { DIRECTION, SIMILARITY, withSimilarity } from '../../engine/pez/similarity.ts';
import { readTower, relativeError, type Tower, type TowerCase, towerNames } from '../helpers/towers.ts';

const TOLERANCE = 1e-4;
/** Its ε of 1e-5 is stored in half precision, as 1.0014e-5; ours computes the rest in float32. */
const HALF_TOLERANCE = 1e-3;
const rows = towerNames().flatMap((name) =>
  readTower(name).cases.map((c) => ({ name, length: c.name, tower: readTower(name), example: c })),
);

test.each(rows)('$name, $length', async ({ tower, example }) => {
  const { similarity, gradient } = await run(tower, example);
  const tolerance = tower.tower === 'clip-fp16-compute' ? HALF_TOLERANCE : TOLERANCE;
  expect(relativeError(similarity, example.similarity.data)).toBeLessThan(tolerance);
  expect(relativeError(gradient, example.gradient.data)).toBeLessThan(tolerance);
});

test('weights that stood aside while folding give the same gradient', async () => {
  const tower = readTower('clip-quick-gelu');
  const { gradient } = await run(tower, tower.cases[0], 64);
  expect(relativeError(gradient, tower.cases[0].gradient.data)).toBeLessThan(TOLERANCE);
});

test('the table is the one that PyTorch looks up in', () => {
  const tower = readTower('clip-quick-gelu');
  const { table } = cutAtEmbedding(readModelFile(tower.path));
  const { inputs, inputsEmbeds } = tower.cases[0];
  const looked = inputs.input_ids.data.flatMap((id) =>
    Array.from(table.data.subarray(id * table.dim, (id + 1) * table.dim)),
  );
  expect(relativeError(looked, inputsEmbeds.data)).toBeLessThan(1e-6);
});

async function run(tower: Tower, example: TowerCase, asideBytes?: number) {
  const { model, table } = cutAtEmbedding(readModelFile(tower.path));
  const [batch, length] = example.inputs.input_ids.dims;
  const withLoss =
    tower.loss === 'cosine'
      ? withSimilarity(model, tower.output, { batch, embeddingSize: tower.target!.dims[0] })
      : withLogLikelihood(model, example);
  const fixed = await specialise(withLoss, {
    constants: new Map(
      Object.entries(example.inputs).map(([name, { dims, data }]) => [name, tensor('int64', dims, data)]),
    ),
    dims: { [EMBEDS]: [batch, length, table.dim] },
    outputs: [SIMILARITY],
    ...(asideBytes && { asideBytes }),
  });
  const session = await createSession(addGradient(fixed, { of: SIMILARITY, wrt: [EMBEDS] }));
  const unit = normalise(tower.target?.data ?? []);
  const out = await session.run({
    [EMBEDS]: new ort.Tensor('float32', Float32Array.from(example.inputsEmbeds.data), [batch, length, table.dim]),
    ...(tower.target && {
      [DIRECTION]: new ort.Tensor(
        'float32',
        Float32Array.from({ length: batch * unit.length }, (_, i) => unit[i % unit.length]),
        [batch, unit.length],
      ),
    }),
  });
  return { similarity: out[SIMILARITY].data as Float32Array, gradient: out[gradientName(EMBEDS)].data as Float32Array };
}

const normalise = (v: readonly number[]): number[] => v.map((x) => x / Math.hypot(...v));

/** Mean log-likelihood of given next tokens per row, as language models are searched. */
function withLogLikelihood(model: Model, example: TowerCase): Model {
  const { dims, data } = example.nextIds!;
  const node = (op: string, inputs: string[], output: string, attributes: [string, number | number[]][] = []) => ({
    op,
    domain: '',
    name: output,
    inputs,
    outputs: [output],
    attributes: new Map(
      attributes.map(([name, value]) => [
        name,
        Array.isArray(value) ? { kind: 'ints' as const, value } : { kind: 'int' as const, value },
      ]),
    ),
  });
  return {
    ...model,
    constants: new Map([...model.constants, ['next', tensor('int64', [...dims, 1], data)]]),
    nodes: [
      ...model.nodes,
      node('LogSoftmax', ['logits'], 'log_p', [['axis', -1]]),
      node('GatherElements', ['log_p', 'next'], 'chosen', [['axis', 2]]),
      node('ReduceMean', ['chosen'], SIMILARITY, [
        ['axes', [1, 2]],
        ['keepdims', 0],
      ]),
    ],
  };
}

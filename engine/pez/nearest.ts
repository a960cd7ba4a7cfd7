// The token-embedding table in one onnxruntime session: points → the ids of the nearest rows, gradients → the steepest.
//
//   score[n, v] = (p_n · e_v/|e_v|) · scale_v + bias_v,   ids = the k largest of each row
//   cosine: scale 1, bias 0          l2: scale 2|e_v|, bias −|e_v|²   (argmax 2p·e − |e|² = argmin |p − e|²)
//   steepest: scale |e_v|, bias 0    A masked row has bias −1e30: it is excluded, never zeroed. (Shaders need not know −∞.)
import * as ort from 'onnxruntime-node';
import { remember } from '../memo.ts';
import { type Device, openSessionOn, runErrorOn } from '../onnx/device.ts';
import type { Attribute, Node } from '../onnx/graph.ts';
import { tensor } from '../onnx/tensor.ts';

export type Projection = 'cosine' | 'l2';

/** The table [V, D] row by row: an embedding's number is its token's id. */
export interface Table {
  readonly data: Float32Array;
  readonly vocabSize: number;
  readonly dim: number;
}

export interface NearestRows {
  readonly table: Table;
  /** points [N, D] → N ids. `mask` [V]: 0 for the allowed rows, −∞ for the others; at least one row is allowed. */
  project(points: Float32Array, mask: Float32Array, kind: Projection): Promise<Int32Array>;
  /** directions [N, D] → for each the `count` allowed ids with the largest direction · e, best first: [N][count]. */
  steepest(directions: Float32Array, mask: Float32Array, count: number): Promise<Int32Array[]>;
}

/** One for each table: a session holds a copy of it, and making and releasing sessions leaks memory. */
const compiled: Partial<Record<Device, WeakMap<Table, Promise<NearestRows>>>> = {};

/** The searcher of a table on a device; made once per table and device. Throws OPTION_INVALID (the device), DEVICE_FAILED. */
export function createNearestRows(table: Table, device: Device = 'cpu'): Promise<NearestRows> {
  compiled[device] ??= new WeakMap();
  return remember(compiled[device], table, () => compile(table, device));
}

async function compile(table: Table, device: Device): Promise<NearestRows> {
  const { vocabSize: rows, dim } = table;
  const { unit, lengths } = normaliseRows(table);
  const session = await openSessionOn(device, {
    source: 'the nearest-row search',
    irVersion: 9,
    opsets: new Map([['', 17]]),
    inputs: [
      { name: 'points', type: 'float32', dims: ['N', dim] },
      { name: 'scale', type: 'float32', dims: [rows] },
      { name: 'bias', type: 'float32', dims: [rows] },
      { name: 'count', type: 'int64', dims: [1] },
    ],
    outputs: [{ name: 'ids' }],
    constants: new Map([['unit', tensor('float32', [rows, dim], unit)]]),
    nodes: [
      node('Gemm', ['points', 'unit'], ['cosines'], { transB: 1 }),
      node('Mul', ['cosines', 'scale'], ['scaled']),
      node('Add', ['scaled', 'bias'], ['scores']),
      node('TopK', ['scores', 'count'], ['best', 'ids'], { axis: 1 }),
    ],
    functions: [],
  });

  const ones = new Float32Array(rows).fill(1);
  const doubled = lengths.map((l) => 2 * l);
  const find = async (points: Float32Array, scale: Float32Array, bias: Float32Array, count: number) => {
    const feeds = {
      points: new ort.Tensor('float32', points, [points.length / dim, dim]),
      scale: new ort.Tensor('float32', scale, [rows]),
      bias: new ort.Tensor('float32', bias.map(finite), [rows]),
      count: new ort.Tensor('int64', BigInt64Array.of(BigInt(count)), [1]),
    };
    const { ids } = await session.run(feeds, ['ids']).catch((error: unknown) => {
      throw runErrorOn({ device, source: 'the nearest-row search', error });
    });
    return Int32Array.from(ids.data as BigInt64Array, Number);
  };
  return {
    table,
    project: (points, mask, kind) =>
      kind === 'cosine' ? find(points, ones, mask, 1) : find(points, doubled, shiftBySquares(mask, lengths), 1),
    async steepest(directions, mask, count) {
      const allowed = mask.reduce((n, b) => n + (b === 0 ? 1 : 0), 0);
      const k = Math.min(count, allowed);
      const ids = await find(directions, lengths, mask, k);
      return Array.from({ length: directions.length / dim }, (_, n) => ids.subarray(n * k, (n + 1) * k));
    },
  };
}

/** Rows divided by their lengths (at least 1e-12, as torch.nn.functional.normalize), and the lengths [V]. */
function normaliseRows({ data, vocabSize, dim }: Table): { unit: Float32Array; lengths: Float32Array } {
  const unit = new Float32Array(data.length);
  const lengths = new Float32Array(vocabSize);
  for (let v = 0; v < vocabSize; v++) {
    let sum = 0;
    for (let i = v * dim; i < (v + 1) * dim; i++) sum += data[i] * data[i];
    lengths[v] = Math.sqrt(sum);
    const length = Math.max(lengths[v], 1e-12);
    for (let i = v * dim; i < (v + 1) * dim; i++) unit[i] = data[i] / length;
  }
  return { unit, lengths };
}

const node = (op: string, inputs: string[], outputs: string[], ints: Record<string, number> = {}): Node => ({
  op,
  domain: '',
  name: outputs[0],
  inputs,
  outputs,
  attributes: new Map(Object.entries(ints).map(([key, value]): [string, Attribute] => [key, { kind: 'int', value }])),
});

/** −∞ → what no score comes near. */
const finite = (bias: number): number => Math.max(bias, -1e30);

/** bias_v = mask_v − |e_v|². */
const shiftBySquares = (mask: Float32Array, lengths: Float32Array) =>
  mask.map((bias, v) => bias - lengths[v] * lengths[v]);

// Text tower → what PEZ descends on: for rows of token ids, the similarity of their text embedding to a direction,
// and the gradient of that similarity by the token embeddings. One session computes all three.
import * as ort from 'onnxruntime-node';
import { addGradient, gradientName } from '../autodiff/gradient.ts';
import type { Clip } from '../clip/clip.ts';
import { readsOutAtEnd } from '../clip/read-out.ts';
import { textOutputOf } from '../clip/text-encoder.ts';
import { remember } from '../memo.ts';
import { cutAtEmbedding, EMBEDS, type EmbeddingTable } from '../onnx/cut.ts';
import { type Device, openSessionOn, runErrorOn } from '../onnx/device.ts';
import { fileIdentity } from '../onnx/file-identity.ts';
import { type Model, prune } from '../onnx/graph.ts';
import { isOwnModel } from '../onnx/model-names.ts';
import { readModelFile } from '../onnx/read.ts';
import type { Session } from '../onnx/session.ts';
import { specialise } from '../onnx/specialise.ts';
import { type Tensor, tensor } from '../onnx/tensor.ts';
import { DIRECTION, SIMILARITY, UNIT, withSimilarity } from './similarity.ts';

export interface TextGradient {
  /** The token embeddings, float32 [V, D]. */
  readonly table: EmbeddingTable;
  /** L: how many ids each row holds: start, prompt and template, end. */
  readonly rowLength: number;
  /** Number of positions that are computed: L if the encoder is causal, otherwise its whole context. */
  readonly positions: number;
  /**
   * For B rows of L ids: unit text embeddings [P] each, their similarities to the direction [B] (the cosine if it
   * has unit length), and ∂ similarity / ∂ token embeddings, [L·D] each.
   */
  run(rows: readonly ArrayLike<number>[], direction: Direction): Promise<GradientResult>;
}

/** [P], Σ weight·target of unit targets; or one for each row. */
export type Direction = Float32Array | readonly Float32Array[];

export interface GradientResult {
  readonly embeddings: Float32Array[];
  readonly similarities: Float32Array;
  readonly gradients: Float32Array[];
}

/** `device`: where forward and backward run; the CPU by default. */
type Source = Pick<Clip, 'textModelPath' | 'tokenizer' | 'text'> & { readonly device?: Device };

/** Batch sizes that are compiled; other batches are run in these. Four rows cost about 2.4 times what one does. */
const BATCHES = [4, 1];

const compiled = new Map<string, Promise<TextGradient>>();
const facts = new Map<string, TowerFacts>();

/**
 * Compiles forward and backward of a text tower for rows of `rowLength` ids, once per (model, device, length).
 * Throws MODEL_UNSUPPORTED, MODEL_INVALID, OP_WITHOUT_GRADIENT or OPTION_INVALID (the device).
 */
export function createTextGradient(clip: Source, rowLength: number): Promise<TextGradient> {
  const key = `${rowLength} ${deviceOf(clip)} ${fileIdentity(clip.textModelPath)}`;
  return remember(compiled, key, () => compile(clip, rowLength));
}

const deviceOf = ({ device = 'cpu' }: Source): Device => device;

async function compile(clip: Source, rowLength: number): Promise<TextGradient> {
  const { table, batches } = factsOf(clip);
  const short = await readsOutAtEnd(clip);
  const positions = short ? rowLength : clip.tokenizer.contextLength;
  const sessions = new Map<number, Promise<Session>>();
  const sessionFor = (batch: number) =>
    remember(sessions, batch, () => compileBatch(clip, { batch, rowLength, positions }));
  const runChunk = async (batch: number, rows: readonly ArrayLike<number>[], directions: readonly Float32Array[]) => {
    const embeds = lookUp(table, rows, { batch, positions, padId: clip.tokenizer.padId });
    const direction = new Float32Array(batch * directions[0].length);
    for (let b = 0; b < batch; b++) direction.set(directions[Math.min(b, rows.length - 1)], b * directions[0].length);
    const session = await sessionFor(batch);
    const feeds = {
      [EMBEDS]: new ort.Tensor('float32', embeds, [batch, positions, table.dim]),
      [DIRECTION]: new ort.Tensor('float32', direction, [batch, directions[0].length]),
    };
    return session.run(feeds).catch((error: unknown) => {
      throw runErrorOn({ device: deviceOf(clip), source: `the gradient of ${clip.textModelPath}`, error });
    });
  };
  return {
    table,
    rowLength,
    positions,
    async run(rows, direction) {
      const directions = direction instanceof Float32Array ? rows.map(() => direction) : direction;
      const result = {
        embeddings: [] as Float32Array[],
        similarities: new Float32Array(rows.length),
        gradients: [] as Float32Array[],
      };
      let done = 0;
      for (const { batch, count } of chunks(rows.length, batches)) {
        const out = await runChunk(batch, rows.slice(done, done + count), directions.slice(done, done + count));
        const data = (name: string) => out[name].data as Float32Array;
        result.similarities.set(data(SIMILARITY).subarray(0, count), done);
        result.embeddings.push(...split(data(UNIT), batch, count));
        result.gradients.push(...split(data(gradientName(EMBEDS)), batch, count, rowLength * table.dim));
        done += count;
      }
      return result;
    },
  };
}

/** Cuts n rows into runs of compiled batch sizes; three rows cost less as a batch of four than one by one. */
export function chunks(n: number, sizes: readonly number[] = BATCHES): { batch: number; count: number }[] {
  const [large, small = large] = sizes;
  const runs = [];
  let left = n;
  while (left > 0 && (left >= large - 1 || small === large)) {
    runs.push({ batch: large, count: Math.min(left, large) });
    left -= Math.min(left, large);
  }
  while (left-- > 0) runs.push({ batch: small, count: 1 });
  return runs;
}

/** The first `count` of `batch` equal parts of data, each cut to `keep` elements. */
function split(data: Float32Array, batch: number, count: number, keep = data.length / batch): Float32Array[] {
  const size = data.length / batch;
  return Array.from({ length: count }, (_, b) => data.subarray(b * size, b * size + keep));
}

/** Rows of the table for ids, padded to `positions` and, with the last row, to `batch`: float32 [batch, positions, D]. */
function lookUp(
  table: EmbeddingTable,
  rows: readonly ArrayLike<number>[],
  shape: { batch: number; positions: number; padId: number },
): Float32Array {
  const { batch, positions, padId } = shape;
  const { data, dim } = table;
  const embeds = new Float32Array(batch * positions * dim);
  for (let b = 0; b < batch; b++) {
    const row = rows[Math.min(b, rows.length - 1)];
    for (let i = 0; i < positions; i++) {
      const id = i < row.length ? row[i] : padId;
      embeds.set(data.subarray(id * dim, (id + 1) * dim), (b * positions + i) * dim);
    }
  }
  return embeds;
}

/** Weights above this many bytes stay in their files, where the folder is ours and a graph may be put beside them: nothing here reads them. */
const LEFT_BYTES = 2 ** 20;

const tower = ({ textModelPath: path }: Source) =>
  cutAtEmbedding(readModelFile(path, isOwnModel(path) ? { leaveBytes: LEFT_BYTES } : {}));

/** What all lengths share. */
interface TowerFacts {
  readonly table: EmbeddingTable;
  /** Batch sizes to compile: one alone, if the export is made for no other. */
  readonly batches: readonly number[];
}

/** Of a model file: one copy of the table for all lengths, so that what is made of it can be shared too. */
function factsOf(clip: Source): TowerFacts {
  const key = fileIdentity(clip.textModelPath);
  const known = facts.get(key);
  if (known) return known;
  const { model, table } = tower(clip);
  const batch = model.inputs.find(({ name }) => name === 'input_ids')?.dims[0];
  const found = { table, batches: typeof batch === 'number' ? [batch] : BATCHES };
  facts.set(key, found);
  return found;
}

/** start, the first ordinary ids, end. */
function exampleRow({ tokenizer }: Pick<Source, 'tokenizer'>, rowLength: number): number[] {
  const ordinary: number[] = [];
  const wanted = rowLength - tokenizer.frame([]).length;
  for (let id = 0; ordinary.length < wanted && id < tokenizer.vocabSize; id++)
    if (!tokenizer.specialIds.has(id)) ordinary.push(id);
  return tokenizer.frame(ordinary);
}

interface Shape {
  readonly batch: number;
  readonly rowLength: number;
  readonly positions: number;
}

async function compileBatch(clip: Source, shape: Shape): Promise<Session> {
  const { batch, positions } = shape;
  const { model, table } = tower(clip);
  const output = textOutputOf(model.outputs.map((o) => o.name));
  const embeddingSize = await clip.text.dim();
  const fixed = await specialise(withSimilarity(model, output, { batch, embeddingSize }), {
    constants: constantInputs(clip, model, shape),
    dims: { [EMBEDS]: [batch, positions, table.dim] },
    outputs: [UNIT, SIMILARITY],
  });
  return openSessionOn(deviceOf(clip), prune(addGradient(fixed, { of: SIMILARITY, wrt: [EMBEDS] })));
}

/** Every input but the embeddings is known beforehand; of the ids, only the places of the marks matter. */
function constantInputs(clip: Source, model: Model, { batch, rowLength, positions }: Shape): Map<string, Tensor> {
  const row = exampleRow(clip, rowLength);
  const at: Record<string, (position: number) => number> = {
    input_ids: (i) => row[i] ?? clip.tokenizer.padId,
    attention_mask: (i) => (i < rowLength ? 1 : 0),
    position_ids: (i) => i,
  };
  const inputs = model.inputs.filter((i) => i.name !== EMBEDS);
  return new Map(
    inputs.map(({ name, type }) => {
      const value = at[name] ?? (() => 0); // token_type_ids
      return [
        name,
        tensor(
          type,
          [batch, positions],
          Array.from({ length: batch * positions }, (_, i) => value(i % positions)),
        ),
      ];
    }),
  );
}

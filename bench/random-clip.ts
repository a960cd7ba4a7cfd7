// A CLIP in a real shape with random weights: bench/graphs filled by the generator that its README describes.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clip } from '../engine/clip/clip.ts';
import { makeTextEncoder } from '../engine/clip/text-encoder.ts';
import type { Tokenizer } from '../engine/clip/tokenizer.ts';
import { ModelMessage, type TensorMessage } from '../engine/onnx/proto.ts';

const graphs = fileURLToPath(new URL('graphs/', import.meta.url));

export interface Fill {
  readonly name: string;
  readonly dims: readonly number[];
  readonly mean: number;
  readonly scale: number;
}

/** The available shapes: vit-b32, vit-l14, vit-h14. */
export type ShapeName = 'vit-b32' | 'vit-l14' | 'vit-h14';

const { imul } = Math; // looking it up for each element is slow in a test's realm, which guards its globals

/** Element i of an initialiser: see bench/graphs/README.md, section "The fill". `base` = seed + k·0x9E3779B9. */
function fillElement(base: number, i: number, { mean, scale }: Pick<Fill, 'mean' | 'scale'>): number {
  let x = (base + i) >>> 0;
  x = imul(x ^ (x >>> 16), 0x21f0aaad);
  x = imul(x ^ (x >>> 15), 0x735a2d97);
  x = (x ^ (x >>> 15)) >>> 0;
  return (x * 2 ** -31 - 1) * scale + mean;
}

/** The first `count` elements of initialiser k, from element `from` on. */
export function fillTensor(
  fill: Omit<Fill, 'name'>,
  { k, seed, from = 0, count = product(fill.dims) }: FillRange,
): Float32Array {
  const values = new Float32Array(count);
  const base = (seed + imul(k, 0x9e3779b9)) >>> 0;
  for (let i = 0; i < count; i++) values[i] = fillElement(base, from + i, fill);
  return values;
}

interface FillRange {
  readonly k: number;
  readonly seed: number;
  readonly from?: number;
  readonly count?: number;
}

const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** Writes the model into `folder` (kept there for the next time) and gives its path. */
export function writeRandomTower(name: ShapeName, folder: string, seed = 1): string {
  const path = join(folder, `${name}-seed-${seed}.onnx`);
  if (existsSync(path)) return path;
  const fills: Fill[] = JSON.parse(readFileSync(`${graphs}${name}.json`, 'utf8')).initializers;
  const place = new Map(fills.map((fill, k) => [fill.name, { fill, k }]));
  const message = ModelMessage.decode(readFileSync(`${graphs}${name}.onnx`)) as unknown as {
    graph: { initializer: TensorMessage[] };
  };
  for (const initializer of message.graph.initializer) {
    const found = place.get(initializer.name);
    if (found) initializer.rawData = new Uint8Array(fillTensor(found.fill, { k: found.k, seed }).buffer);
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${path}.part`, ModelMessage.encode(message as object).finish());
  renameSync(`${path}.part`, path);
  return path;
}

/** The text half of a CLIP around a random tower. Its tokens have no spelling: the search runs, the words mean nothing. */
export function randomClip(
  name: ShapeName,
  folder: string,
  seed = 1,
): Pick<Clip, 'textModelPath' | 'tokenizer' | 'text'> {
  const meta = JSON.parse(readFileSync(`${graphs}${name}.json`, 'utf8'));
  const textModelPath = writeRandomTower(name, folder, seed);
  const tokenizer = numberTokenizer(meta.vocabulary, meta.contextLength);
  return {
    textModelPath,
    tokenizer,
    text: makeTextEncoder({ path: textModelPath, device: 'cpu' }, tokenizer, meta.projection),
  };
}

/** Token 123 is written "123". */
function numberTokenizer(vocabSize: number, contextLength: number): Tokenizer {
  const [startId, endId] = [vocabSize - 2, vocabSize - 1];
  return {
    vocabSize,
    contextLength,
    startId,
    endId,
    padId: endId,
    specialIds: new Set([startId, endId]),
    encode: (text) => text.split(/\s+/).map((word) => (/^\d+$/.test(word) ? Number(word) : 320)),
    decode: (ids) => ids.join(' '),
    tokenText: (id) => `${id}</w>`,
    endsWord: () => true,
    frame: (ids) => [startId, ...ids, endId],
  };
}

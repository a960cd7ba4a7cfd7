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

/** Shapes that can be had: vit-b32, vit-l14, vit-h14. */
export type ShapeName = 'vit-b32' | 'vit-l14' | 'vit-h14';

/** Element i of initialiser k: see bench/graphs/README.md, section "The fill". */
export function fillTensor(
  { dims, mean, scale }: Pick<Fill, 'dims' | 'mean' | 'scale'>,
  k: number,
  seed: number,
): Float32Array {
  const values = new Float32Array(dims.reduce((a, b) => a * b, 1));
  const base = (seed + Math.imul(k, 0x9e3779b9)) >>> 0;
  for (let i = 0; i < values.length; i++) {
    let x = (base + i) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    x = (x ^ (x >>> 15)) >>> 0;
    values[i] = (x * 2 ** -31 - 1) * scale + mean;
  }
  return values;
}

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
    if (found) initializer.rawData = new Uint8Array(fillTensor(found.fill, found.k, seed).buffer);
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
  return { textModelPath, tokenizer, text: makeTextEncoder(textModelPath, tokenizer, meta.projection) };
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

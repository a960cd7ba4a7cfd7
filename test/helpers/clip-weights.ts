// Fixtures of test/fixtures/clip-weights: their weights, filled by the formula of bench/random-clip.ts, as .safetensors files.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fillTensor } from '../../bench/random-clip.ts';
import { tensor } from '../../engine/onnx/tensor.ts';
import { type TensorSpec, writeSafetensors } from './safetensors-file.ts';

export interface NumberTable {
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

interface Filled {
  readonly dims: readonly number[];
  readonly scale: number;
  readonly mean: number;
}

export interface ClipFixture {
  readonly seed: number;
  readonly dtype: 'F32' | 'F16' | 'BF16';
  /** What stands in config.json or open_clip_config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: readonly (Filled & { readonly name: string })[];
  readonly ids: NumberTable;
  readonly text: {
    readonly pooler_output: NumberTable;
    /** The first positions only, as are the hidden states. */
    readonly last_hidden_state: NumberTable;
    readonly hidden_states: readonly NumberTable[];
    readonly text_embeds?: NumberTable;
  };
  readonly gradient?: {
    readonly ids: NumberTable;
    readonly target: NumberTable;
    readonly similarity: number;
    readonly gradient: NumberTable;
  };
  readonly image?: Filled & { readonly k: number; readonly image_embeds: NumberTable };
}

const folder = fileURLToPath(new URL('../fixtures/clip-weights/', import.meta.url));

export const clipFixture = (name: string): ClipFixture => JSON.parse(readFileSync(`${folder}${name}.json`, 'utf8'));

const ELEMENTS = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

const filled = new Map<string, Record<string, TensorSpec>>();

/** The tensors of a fixture; `prefix` is put before every name. */
export function clipTensors(fixture: ClipFixture, prefix = ''): Record<string, TensorSpec> {
  const key = JSON.stringify([fixture.dtype, fixture.tensors]);
  const known = filled.get(key) ?? fillAll(fixture);
  filled.set(key, known);
  return Object.fromEntries(Object.entries(known).map(([name, tensor]) => [prefix + name, tensor]));
}

function fillAll({ tensors, seed, dtype }: ClipFixture): Record<string, TensorSpec> {
  const entries = tensors.map(({ name, ...fill }, k): [string, TensorSpec] => {
    const { bytes } = tensor(ELEMENTS[dtype], fill.dims, fillTensor(fill, { k, seed }));
    return [name, { dtype, shape: fill.dims, bytes }];
  });
  return Object.fromEntries(entries);
}

/** Writes them as one file. */
export const writeClip = (path: string, fixture: ClipFixture, prefix = ''): void =>
  writeSafetensors(path, clipTensors(fixture, prefix));

/** pixel_values of a fixture. */
export const pixelsOf = ({ image, seed }: ClipFixture): Float32Array => fillTensor(image!, { k: image!.k, seed });

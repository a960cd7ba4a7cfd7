// The tiny single-file checkpoints of test/fixtures/checkpoints → whole files: of their token tables only the rows that the prompts use are kept.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSafetensorsHeader } from '../../engine/safetensors/header.ts';
import { type TensorSpec, writeSafetensors } from './safetensors-file.ts';

export const CHECKPOINTS = fileURLToPath(new URL('../fixtures/checkpoints', import.meta.url));

export type Tensors = Record<string, TensorSpec>;

const VOCABULARY = 49_408;

/** Writes the checkpoint `family` (sd1, sd2 or xl) to `path`; `change` may damage its tensors or its metadata first. */
export function writeCheckpoint(
  family: string,
  path: string,
  change: (tensors: Tensors, metadata: Record<string, string>) => void = () => {},
): string {
  const source = join(CHECKPOINTS, `${family}.safetensors`);
  const { tensors, metadata } = readSafetensorsHeader(source);
  const file = readFileSync(source);
  const all: Tensors = Object.fromEntries(
    [...tensors].map(([name, { dtype, dims, offset, length }]) => [
      name,
      { dtype, shape: dims, bytes: Uint8Array.from(file.subarray(offset, offset + length)) },
    ]),
  );
  for (const name of Object.keys(all).filter((n) => n.endsWith('.rows'))) restoreTable(all, name.slice(0, -5));
  const notes = Object.fromEntries(metadata);
  change(all, notes);
  writeSafetensors(path, all, notes);
  return path;
}

function restoreTable(tensors: Tensors, name: string): void {
  const { [`${name}.rows`]: rows, [`${name}.ids`]: ids } = tensors;
  const width = rows.shape[1] * 2;
  const bytes = new Uint8Array(VOCABULARY * width);
  new Int32Array(ids.bytes.buffer).forEach((id, i) => {
    bytes.set(rows.bytes.subarray(i * width, (i + 1) * width), id * width);
  });
  delete tensors[`${name}.rows`];
  delete tensors[`${name}.ids`];
  tensors[name] = { dtype: 'F16', shape: [VOCABULARY, rows.shape[1]], bytes };
}

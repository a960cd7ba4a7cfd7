// Names and shapes → the weights of a file that has only these, for what looks at no bytes.
import type { Weights } from '../../engine/safetensors/weights.ts';

export const headerOnly = (
  shapes: Readonly<Record<string, readonly number[]>>,
  metadata: Readonly<Record<string, string>> = {},
): Weights => ({
  source: 'x.safetensors',
  names: new Set(Object.keys(shapes)),
  metadata: new Map(Object.entries(metadata)),
  dims: (name) => shapes[name],
  get: (name) =>
    shapes[name] && { name, path: 'x.safetensors', type: 'float32', dims: shapes[name], offset: 0, length: 0 },
});

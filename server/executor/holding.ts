// A node's outputs → the memory that they hold: their buffers, and about how much besides.
import type { NodeDefinition } from '../../nodes/define-node.ts';

/** What a result holds. Buffers are named, because several results may share one. */
export interface Holding {
  readonly buffers: ReadonlySet<ArrayBufferLike>;
  /** Texts and lists. */
  readonly otherBytes: number;
}

/** Socket types whose values are kept by the model store, whatever a graph does. */
export const MODEL_TYPES: ReadonlySet<string | undefined> = new Set(['CLIP', 'MODEL', 'VAE']);
const MAX_DEPTH = 8;
/** Elements of a list that are looked into; beyond, they count by their number. */
const MAX_ELEMENTS = 10_000;
const BYTES_PER_ELEMENT = 8;

/** What the values of a node's outputs hold; `outputs[slot]` is a value, or a list of them. */
export function holdingOf(outputs: readonly unknown[], definition: Pick<NodeDefinition, 'outputs'>): Holding {
  const types = Object.values(definition.outputs).map(({ type }) => type);
  return holdingOfValues(outputs.filter((_, slot) => !MODEL_TYPES.has(types[slot])));
}

/** What any values hold. */
export function holdingOfValues(values: readonly unknown[]): Holding {
  const buffers = new Set<ArrayBufferLike>();
  let otherBytes = 0;
  const look = (value: unknown, depth: number): void => {
    if (typeof value === 'string') otherBytes += value.length;
    if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return;
    if (ArrayBuffer.isView(value)) buffers.add(value.buffer);
    else if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) buffers.add(value);
    else if (Array.isArray(value)) {
      otherBytes += value.length * BYTES_PER_ELEMENT;
      for (const element of value.slice(0, MAX_ELEMENTS)) look(element, depth + 1);
    } else if (isPlain(value)) for (const member of Object.values(value)) look(member, depth + 1);
  };
  for (const value of values) look(value, 0);
  return { buffers, otherBytes };
}

/** Bytes of a holding, all buffers counted. */
export const bytesOf = ({ buffers, otherBytes }: Holding): number =>
  [...buffers].reduce((sum, { byteLength }) => sum + byteLength, otherBytes);

/** Made by a literal, in whichever realm; objects of classes are models, sessions and the like. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

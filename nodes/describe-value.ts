// Any value that a link can carry → a text for people.

/** A text stays as it is; lists and records become JSON; tensors and models are described by kind and size. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return 'nothing';
  if (typeof value !== 'object') return String(value);
  return JSON.stringify(plain(value, 0), null, 2).replace(/^"(.*)"$/s, '$1');
}

const MAX_DEPTH = 8;

function plain(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))) return String(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`;
  if (isTensor(value)) return `${tensorNames[value.shape.length] ?? 'tensor'} of ${value.shape.join(' × ')}`;
  if (isClip(value)) return `CLIP ${value.name}`;
  if (depth >= MAX_DEPTH) return '…';
  if (Array.isArray(value)) return value.map((element) => plain(element, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, plain(element, depth + 1)]));
}

const tensorNames: Record<number, string> = { 4: 'IMAGE', 3: 'MASK' };

const isTensor = (value: object): value is { shape: readonly number[] } =>
  'shape' in value && Array.isArray(value.shape) && 'data' in value && ArrayBuffer.isView(value.data);

const isClip = (value: object): value is { name: string } =>
  'tokenizer' in value && 'textModelPath' in value && 'name' in value && typeof value.name === 'string';

// Any value that a link can carry → a text for people.

/**
 * A text stays as it is. As ComfyUI prints it in Python: `True`, `None`, and lists and records as JSON in one line, with blanks
 * after commas and colons. Tensors and models are described by kind and size.
 */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value !== 'object') return String(plain(value, 0));
  const told = plain(value, 0);
  return typeof told === 'string' ? told : toJson(told);
}

/** JSON in one line, with blanks as Python's. */
function toJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toJson).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}: ${toJson(member)}`).join(', ')}}`;
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

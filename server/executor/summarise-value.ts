// Any value → its short, printable form in an error report: never the pixels of a picture.

const MAX_TEXT = 1_000;
const MAX_ITEMS = 20;

const shorten = (text: string, length = MAX_TEXT): string =>
  text.length <= length ? text : `${text.slice(0, length)}… (${text.length} characters)`;

/**
 * A value for `current_inputs`: numbers, booleans, null and short texts as they are; anything else as a short text, e.g.
 * `IMAGE [1, 512, 512, 3]` for a tensor of the socket type `type`.
 */
export function summariseValue(value: unknown, type = 'object'): string | number | boolean | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'string') return shorten(value);
  if (typeof value === 'function') return 'function';
  if (typeof value !== 'object') return shorten(String(value));
  if (ArrayBuffer.isView(value))
    return `${value.constructor.name} [${(value as Uint8Array).length ?? value.byteLength}]`;
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ITEMS).map((v) => shorten(String(summariseValue(v)), 80));
    return shorten(`[${items.join(', ')}${value.length > MAX_ITEMS ? `, … ${value.length} in all` : ''}]`);
  }
  if ('shape' in value && Array.isArray(value.shape)) return `${type} [${value.shape.slice(0, 8).join(', ')}]`;
  const { name } = value as { name?: unknown };
  if (typeof name === 'string') return shorten(`${type} ${name}`);
  try {
    return shorten(JSON.stringify(value, (_, v) => (ArrayBuffer.isView(v) ? v.constructor.name : v)) ?? type, 200);
  } catch {
    return type;
  }
}

// A literal → a text that is equal for equal values: what cache keys are made of.
import { createHash } from 'node:crypto';

/** Values nested deeper than this have no text. */
const MAX_DEPTH = 100;

/** The value has no canonical text: NaN, a function, an object of a class, or nested too deeply. */
export class NoCanonicalText extends Error {}

/** Canonical text of a value, whatever the order of its keys. Throws NoCanonicalText. */
export function canonicalText(value: unknown, depth = 0): string {
  if (depth > MAX_DEPTH) throw new NoCanonicalText();
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'boolean' || value === null || value === undefined) return String(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number') {
    if (Number.isNaN(value)) throw new NoCanonicalText(); // NaN never equals itself
    return Object.is(value, -0) ? '0' : String(value);
  }
  if (typeof value !== 'object') throw new NoCanonicalText();
  if (Array.isArray(value)) return `[${value.map((v) => canonicalText(v, depth + 1)).join()}]`;
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return `${value.constructor.name}(${createHash('sha256').update(bytes).digest('hex')})`;
  }
  if (value instanceof Date) return `Date(${value.getTime()})`;
  if (!isPlainObject(value)) throw new NoCanonicalText();
  return `{${Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, v]) => `${JSON.stringify(key)}:${canonicalText(v, depth + 1)}`)
    .join()}}`;
}

/** Made by a literal, JSON or Object.create(null), in whichever realm. */
function isPlainObject(value: object): boolean {
  if (Object.prototype.toString.call(value) !== '[object Object]') return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

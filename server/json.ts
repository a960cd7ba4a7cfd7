// JSON as Python and ComfyUI's clients write it: NaN and Infinity are read, integers beyond 2^53 keep every digit, the depth is limited.
import { randomUUID } from 'node:crypto';
import { markSpecials } from './json-scan.ts';

export interface ParseOptions {
  /** Most values that the text may hold (elements of lists and members of objects, at all levels), counted before any is made. */
  readonly maxValues?: number;
}

/**
 * Text → value. `NaN`, `Infinity` and `-Infinity` become these numbers, integers that a number cannot hold become bigint;
 * a key `__proto__` is a key like any other. Throws SyntaxError if the text is not JSON, nests too deeply or holds too much.
 */
export function parseJson(text: string, { maxValues = Number.POSITIVE_INFINITY }: ParseOptions = {}): unknown {
  const { rewritten, mark } = markSpecials(text.startsWith('\uFEFF') ? text.slice(1) : text, maxValues);
  const value: unknown = JSON.parse(rewritten);
  return mark === undefined ? value : revive(value, mark);
}

/**
 * Value → JSON. bigint becomes a bare integer, NaN and the infinities become null.
 * `nonFinite: 'keep'` writes them as Python does, for text that only parseJson will read.
 */
export function stringifyJson(value: unknown, { nonFinite = 'null' }: { nonFinite?: 'null' | 'keep' } = {}): string {
  return (nonFinite === 'null' ? stringifyPlain(value) : undefined) ?? stringifySpecials(value, nonFinite);
}

/** Most values need no replacer, without which JSON.stringify is five times as fast. */
function stringifyPlain(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof TypeError) return undefined; // a bigint; or what stringifySpecials can't write either
    throw error;
  }
}

function stringifySpecials(value: unknown, nonFinite: 'null' | 'keep'): string {
  const mark = randomUUID();
  let marked = false;
  const text = JSON.stringify(value, (_key, entry: unknown) => {
    const special =
      typeof entry === 'bigint' || (nonFinite === 'keep' && typeof entry === 'number' && !Number.isFinite(entry));
    if (!special) return entry;
    marked = true;
    return `${mark}${String(entry)}`;
  });
  return marked ? text.replaceAll(new RegExp(`"${mark}([-\\w]+)"`, 'g'), '$1') : (text ?? 'null');
}

function revive(value: unknown, mark: string): unknown {
  if (typeof value === 'string') return value.startsWith(mark) ? fromToken(value.slice(mark.length)) : value;
  if (typeof value !== 'object' || value === null) return value;
  const holder = value as Record<string, unknown>;
  for (const key of Object.keys(holder)) {
    if (key.startsWith(mark))
      throw new SyntaxError(`A key of a JSON object must be a string, not ${key.slice(mark.length)}.`);
    holder[key] = revive(holder[key], mark); // own keys only, __proto__ included: this never reaches a prototype
  }
  return value;
}

const fromToken = (token: string): number | bigint => (/^-?\d+$/.test(token) ? BigInt(token) : Number(token));

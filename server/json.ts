// JSON as Python and ComfyUI's clients write it: NaN and Infinity are read, integers beyond 2^53 keep every digit, the depth is limited.
import { randomUUID } from 'node:crypto';

/** Deeper JSON is refused: graphs of front ends nest about 20 levels, and JSON.stringify recurses. */
export const MAX_JSON_DEPTH = 500;

/**
 * Text → value. `NaN`, `Infinity` and `-Infinity` become these numbers, integers that a number cannot hold become bigint;
 * a key `__proto__` is a key like any other. Throws SyntaxError if the text is not JSON or nests too deeply.
 */
export function parseJson(text: string): unknown {
  const { rewritten, mark } = markSpecials(text.startsWith('\uFEFF') ? text.slice(1) : text);
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

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /NaN|-?Infinity/y;

/**
 * Tokens that JSON.parse refuses or would round (outside of strings) are replaced by strings that begin with a random mark,
 * which the sender of the text cannot know. Checks the depth on the way.
 */
function markSpecials(text: string): { rewritten: string; mark: string | undefined } {
  const pieces: string[] = [];
  let mark: string | undefined;
  let copied = 0;
  let depth = 0;
  const replace = (at: number, token: string): void => {
    mark ??= randomUUID();
    pieces.push(text.slice(copied, at), `"${mark}${token}"`);
    copied = at + token.length;
  };
  for (let at = 0; at < text.length; ) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at);
    else if (char === '[' || char === '{') {
      if (++depth > MAX_JSON_DEPTH) throw new SyntaxError(`JSON nests deeper than ${MAX_JSON_DEPTH} levels.`);
      at++;
    } else if (char === ']' || char === '}') {
      depth--;
      at++;
    } else if (char === 'N' || char === 'I' || char === '-' || (char >= '0' && char <= '9')) {
      const word = matchAt(WORD, text, at);
      const token = word ?? matchAt(NUMBER, text, at);
      if (word !== undefined || (token !== undefined && losesDigits(token))) replace(at, token as string);
      at += token?.length ?? 1;
    } else at++;
  }
  return { rewritten: mark === undefined ? text : pieces.join('') + text.slice(copied), mark };
}

/** Index after the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (quote !== -1) {
    let slashes = 0;
    while (text[quote - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return quote + 1;
    quote = text.indexOf('"', quote + 1);
  }
  return text.length; // the string is not closed: JSON.parse will say so
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

const losesDigits = (token: string): boolean =>
  token.length > 15 && /^-?[1-9]\d*$/.test(token) && !Number.isSafeInteger(Number(token));

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

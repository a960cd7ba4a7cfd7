// JSON text → the same text with a marked string for each token that JSON.parse refuses or would round; limits are checked on the way,
// before anything is made of the text.
import { randomBytes } from 'node:crypto';

/** Deeper JSON is refused: graphs of front ends nest about 20 levels, and JSON.stringify recurses. */
export const MAX_JSON_DEPTH = 500;
/** Longest integer, as in Python: to read longer ones takes quadratic time. */
const MAX_DIGITS = 4300;
/** Integers of so few digits are below 2^53. */
const SURELY_SAFE_DIGITS = 15;
/** Of the values that are allowed, one in so many may be one that has to be rewritten: it costs several times as much. */
const VALUES_PER_SPECIAL = 4;

const WORD = /NaN|-?Infinity/y;

// Codes of the characters that end or begin something: the scan reads every character of a body.
const [QUOTE, COMMA, MINUS, PLUS, DOT, ZERO, NINE] = [...'",-+.09'].map((char) => char.charCodeAt(0));
const [UPPER_E, LOWER_E, UPPER_I, UPPER_N] = [...'EeIN'].map((char) => char.charCodeAt(0));
const [LIST, LIST_END, OBJECT, OBJECT_END] = [...'[]{}'].map((char) => char.charCodeAt(0));
const BACKSLASH = '\\'.charCodeAt(0);

const isDigit = (code: number): boolean => code >= ZERO && code <= NINE;
const isInNumber = (code: number): boolean =>
  isDigit(code) || code === DOT || code === MINUS || code === PLUS || code === LOWER_E || code === UPPER_E;

/** What has been seen of a text, and how it will be rewritten. */
class Scan {
  readonly #text: string;
  readonly #maxValues: number;
  readonly #pieces: string[] = [];
  mark: string | undefined;
  #copied = 0;
  #depth = 0;
  #values = 0;
  #specials = 0;

  constructor(text: string, maxValues: number) {
    this.#text = text;
    this.#maxValues = maxValues;
  }

  get rewritten(): string {
    return this.mark === undefined ? this.#text : this.#pieces.join('') + this.#text.slice(this.#copied);
  }

  open(): void {
    this.count();
    if (++this.#depth > MAX_JSON_DEPTH) throw new SyntaxError(`JSON nests deeper than ${MAX_JSON_DEPTH} levels.`);
  }

  close(): void {
    this.#depth--;
  }

  count(): void {
    if (++this.#values > this.#maxValues) throw new SyntaxError(`JSON holds more than ${this.#maxValues} values.`);
  }

  /** Puts a marked string in place of a token. */
  replace(at: number, token: string): void {
    if (++this.#specials > this.#maxValues / VALUES_PER_SPECIAL)
      throw new SyntaxError('JSON holds too many NaN, Infinity or integers beyond 2^53.');
    this.mark ??= newMark(this.#text);
    this.#pieces.push(this.#text.slice(this.#copied, at), `"${this.mark}${token}"`);
    this.#copied = at + token.length;
  }
}

/** Short, for there may be many; in no string of the text. */
function newMark(text: string): string {
  for (;;) {
    const mark = randomBytes(6).toString('base64url');
    if (!text.includes(mark)) return mark;
  }
}

/**
 * `mark`: a random text that the new strings begin with; undefined if there are none. The values are counted by what begins one:
 * lists, objects and commas. Throws SyntaxError above a limit.
 */
export function markSpecials(text: string, maxValues: number): { rewritten: string; mark: string | undefined } {
  const scan = new Scan(text, maxValues);
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === UPPER_N || code === UPPER_I || code === MINUS || isDigit(code)) at = endOfToken(scan, text, at);
    else {
      if (code === COMMA) scan.count();
      else if (code === LIST || code === OBJECT) scan.open();
      else if (code === LIST_END || code === OBJECT_END) scan.close();
      at++;
    }
  }
  return { rewritten: scan.rewritten, mark: scan.mark };
}

/** Index after the number or word that begins at `start`; replaces it if need be. */
function endOfToken(scan: Scan, text: string, start: number): number {
  const word = wordAt(text, start);
  if (word !== undefined) {
    scan.replace(start, word);
    return start + word.length;
  }
  let end = start + 1;
  while (end < text.length && isInNumber(text.charCodeAt(end))) end++;
  if (end - start > SURELY_SAFE_DIGITS) {
    const token = text.slice(start, end);
    if (losesDigits(token)) scan.replace(start, token);
  }
  return end;
}

/** Index after the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (quote !== -1) {
    let slashes = 0;
    while (text.charCodeAt(quote - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote + 1;
    quote = text.indexOf('"', quote + 1);
  }
  return text.length; // the string is not closed: JSON.parse will say so
}

function wordAt(text: string, at: number): string | undefined {
  if (isDigit(text.charCodeAt(at))) return undefined;
  WORD.lastIndex = at;
  return WORD.exec(text)?.[0];
}

function losesDigits(token: string): boolean {
  if (!/^-?[1-9]\d*$/.test(token)) return false;
  if (token.length > MAX_DIGITS) throw new SyntaxError(`An integer in JSON has more than ${MAX_DIGITS} digits.`);
  return !Number.isSafeInteger(Number(token));
}

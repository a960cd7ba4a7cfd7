// An option as it was given → nothing, or an InputError OPTION_INVALID whose message always has the same form:
// `length must be a whole number from 1 to 75, but is 0.`
import { InputError } from './errors.ts';

export interface Bounds {
  readonly min: number | bigint;
  readonly max: number | bigint;
  /** Why these bounds: shown in parentheses behind them. */
  readonly note?: string;
}

/** Throws unless it is a whole number within the bounds; bigints count if `max` is one. */
export function integer(name: string, value: unknown, { min, max, note }: Bounds): void {
  const isWhole = typeof value === 'bigint' ? typeof max === 'bigint' : Number.isInteger(value);
  if (isWhole && (value as number) >= min && (value as number) <= max) return;
  throw invalid(name, `a whole number from ${min} to ${max}${note ? ` (${note})` : ''}`, value);
}

export interface FiniteBounds {
  readonly min?: number;
  readonly max?: number;
  /** Must be greater than this. */
  readonly above?: number;
}

/** Throws unless it is a finite number within the bounds. */
export function finite(name: string, value: unknown, { min, max, above }: FiniteBounds = {}): void {
  const isWithin = (x: number) =>
    Number.isFinite(x) &&
    x >= (min ?? Number.NEGATIVE_INFINITY) &&
    x <= (max ?? Number.POSITIVE_INFINITY) &&
    x > (above ?? Number.NEGATIVE_INFINITY);
  if (typeof value === 'number' && isWithin(value)) return;
  throw invalid(name, `a ${describeBounds({ min, max, above })}`, value);
}

function describeBounds({ min, max, above }: FiniteBounds): string {
  if (above !== undefined) return `number above ${above}${max === undefined ? '' : ` and at most ${max}`}`;
  if (min !== undefined) return max === undefined ? `number of at least ${min}` : `number from ${min} to ${max}`;
  return max === undefined ? 'finite number' : `number of at most ${max}`;
}

/** Throws unless it is one of the names. */
export function oneOf(name: string, value: unknown, names: readonly string[]): void {
  if (!names.includes(value as string)) throw invalid(name, `one of ${names.join(', ')}`, value);
}

/** Throws unless it is text; `empty: false`: text with something other than spaces. */
export function text(
  name: string,
  value: unknown,
  { empty = true }: { empty?: boolean } = {},
): asserts value is string {
  if (typeof value !== 'string' || !(empty || value.trim()))
    throw invalid(name, empty ? 'text' : 'text that is not empty', value);
}

/** Throws unless it is a list of texts, each with something other than spaces. */
export function textList(name: string, value: unknown): void {
  if (!Array.isArray(value) || value.some((entry) => typeof entry !== 'string' || !entry.trim()))
    throw invalid(name, 'a list of texts that are not empty', value);
}

/** The error for what the functions above do not cover: `<name> must be <expected>, but is <value>.` */
export const invalid = (name: string, expected: string, value: unknown): InputError =>
  new InputError('OPTION_INVALID', `${name} must be ${expected}, but is ${show(value)}.`);

/** The error for a wrong number of parts: `initialPrompt must have at most 8 tokens, but has 9.` */
export const invalidCount = (name: string, expected: string, count: number): InputError =>
  new InputError('OPTION_INVALID', `${name} must have ${expected}, but has ${count}.`);

/** Characters of a value that a message shows. */
const SHOWN = 60;

/** A value for a message: numbers with every digit, vectors by their length, long texts cut. */
function show(value: unknown): string {
  if (ArrayBuffer.isView(value)) return showView(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'string' && (typeof value !== 'object' || value === null)) return String(value);
  const json = toJson(value);
  // A character outside the basic plane is two code units: never half of it.
  return json.length > SHOWN ? `${json.slice(0, SHOWN - 3).replace(/[\uD800-\uDBFF]$/, '')}…` : json;
}

function showView(view: ArrayBufferView): string {
  const length = (view as unknown as { length?: number }).length ?? view.byteLength;
  return `${view.constructor.name} of length ${length}`;
}

/** JSON in which numbers that JSON lacks stand as they are. */
function toJson(value: unknown): string {
  try {
    const json = JSON.stringify(value, (_, entry: unknown) => {
      if (ArrayBuffer.isView(entry)) return showView(entry);
      return typeof entry === 'bigint' || (typeof entry === 'number' && !Number.isFinite(entry))
        ? String(entry)
        : entry;
    });
    return json ?? typeof value;
  } catch {
    return Object.prototype.toString.call(value); // a circle
  }
}

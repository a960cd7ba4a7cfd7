// A literal → a value of the input's type, converted as Python's int(), float(), str() and bool() do (protocol: Literal values).
import { floatText, repr, shortRepr, str } from './python-text.ts';
import { typeInWords } from './type-in-words.ts';

/** The value can't be converted; the message says why. */
export class CoercionError extends Error {}

/** Longer numbers are refused: as in Python, whose conversion of integers takes quadratic time. No FLOAT needs as many. */
const MAX_DIGITS = 4300;
/** Lists and objects whose text is longer are refused. */
const MAX_PRINTED = 100_000;

/** Converts to INT, FLOAT, STRING or BOOLEAN; other types stay as they are. Throws CoercionError. */
export function coerce(type: string, value: unknown): unknown {
  switch (type) {
    case 'INT':
      return toInt(value);
    case 'FLOAT':
      return toFloat(value);
    case 'STRING':
      return toText(value);
    case 'BOOLEAN':
      return toBoolean(value);
    default:
      return value;
  }
}

/** A value that is not text is printed, if it is not a whole document. */
function toText(value: unknown): string {
  const text = str(value, MAX_PRINTED);
  if (typeof value !== 'string' && text.length > MAX_PRINTED)
    throw new CoercionError(`${typeInWords(value)} of more than ${MAX_PRINTED} characters can't be used as text`);
  return text;
}

/** A number as a value of that type is printed. */
export const numberText = (type: string, value: number | bigint): string =>
  type === 'FLOAT' ? floatText(value) : repr(value);

/** An integer: a number if that is exact, else a bigint. */
function toInt(value: unknown): number | bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'number') {
    if (Number.isNaN(value)) throw new CoercionError("NaN can't be converted to an integer");
    if (!Number.isFinite(value)) throw new CoercionError("an infinite number can't be converted to an integer");
    return narrow(BigInt(Math.trunc(value)));
  }
  if (typeof value !== 'string') {
    throw new CoercionError(`an integer is needed, not ${typeInWords(value)}`);
  }
  const digits = value.trim();
  if (digits.length > MAX_DIGITS) {
    throw new CoercionError(`an integer may have at most ${MAX_DIGITS} digits`);
  }
  const match = /^([+-]?)(\d+(?:_\d+)*)$/.exec(digits);
  if (!match) throw new CoercionError(`${shortRepr(value)} is not an integer`);
  const magnitude = BigInt(match[2].replaceAll('_', ''));
  return narrow(match[1] === '-' ? -magnitude : magnitude);
}

const narrow = (value: bigint): number | bigint => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
};

// The dot belongs to the digits after it: with `\.?` alone, a long run of digits could be split in every way (quadratic time).
const FLOAT_TEXT = /^[+-]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?$/;

function toFloat(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'bigint') {
    const number = Number(value);
    if (!Number.isFinite(number)) throw new CoercionError('the integer is too large for a FLOAT');
    return number;
  }
  if (typeof value !== 'string') {
    throw new CoercionError(`a number is needed, not ${typeInWords(value)}`);
  }
  const text = value.trim();
  if (text.length > MAX_DIGITS) throw new CoercionError(`a number may have at most ${MAX_DIGITS} characters`);
  if (FLOAT_TEXT.test(text)) return Number(text.replaceAll('_', ''));
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (!word) throw new CoercionError(`${shortRepr(value)} is not a number`);
  if (word[2].toLowerCase() === 'nan') return Number.NaN;
  return word[1] === '-' ? -Infinity : Infinity;
}

/** Python's truth: empty values and zero are false, the string "false" is true. */
function toBoolean(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return typeof value === 'number' ? value !== 0 : Boolean(value); // NaN is true in Python
}

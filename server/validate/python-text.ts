// Values as Python prints them: clients expect that form in error details (`'foo'`, `['a', 'b']`, None, True).

/** Longest text of one value in an error; the rest is cut off. */
const MAX_LENGTH = 2000;

/** Python's str(): strings as they are, everything else as repr. */
export const str = (value: unknown): string => (typeof value === 'string' ? value : repr(value));

/** Python's repr(). JSON does not tell 3 from 3.0: whole numbers print as integers. */
export function repr(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : nonFinite(value);
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`;
  if (typeof value === 'object') {
    return `{${Object.entries(value)
      .map(([key, entry]) => `${quote(key)}: ${repr(entry)}`)
      .join(', ')}}`;
  }
  return String(value);
}

/** repr for an error text: cut off at MAX_LENGTH. */
export function shortRepr(value: unknown): string {
  const text = repr(value);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}

/** A number of type FLOAT: whole numbers print as 3.0. */
export const floatText = (value: number | bigint): string =>
  Number.isInteger(Number(value)) && Math.abs(Number(value)) < 1e16 ? `${value}.0` : repr(value);

const nonFinite = (value: number): string => (Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf');

/** In single quotes, unless the text contains single quotes and no double ones. */
function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replaceAll(mark, `\\${mark}`);
  return `${mark}${escaped}${mark}`;
}

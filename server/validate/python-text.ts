// Values as Python prints them: clients expect that form in error details (`'foo'`, `['a', 'b']`, None, True).

/** Longest text of one value in an error; the rest is cut off. */
const MAX_LENGTH = 2000;

/** Python's str(): strings as they are, everything else as repr. */
export const str = (value: unknown, room?: number): string => (typeof value === 'string' ? value : repr(value, room));

/** Python's repr(). JSON does not tell 3 from 3.0: whole numbers print as integers. After about `room` characters it stops. */
export function repr(value: unknown, room = Number.POSITIVE_INFINITY): string {
  const pieces: string[] = [];
  print(value, { pieces, left: room });
  return pieces.join('');
}

/** repr for an error text: cut off at MAX_LENGTH. */
export const shortRepr = (value: unknown): string => cut(repr(value, MAX_LENGTH));

/** str for an error text. */
export const shortStr = (value: unknown): string => cut(str(value, MAX_LENGTH));

const cut = (text: string): string => (text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text);

/** A number of type FLOAT: whole numbers print as 3.0. */
export const floatText = (value: number | bigint): string =>
  Number.isInteger(Number(value)) && Math.abs(Number(value)) < 1e16 ? `${value}.0` : repr(value);

interface Sheet {
  readonly pieces: string[];
  /** Characters that are still wanted. */
  left: number;
}

function write(text: string, sheet: Sheet): void {
  sheet.pieces.push(text);
  sheet.left -= text.length;
}

function print(value: unknown, sheet: Sheet): void {
  if (Array.isArray(value)) printAll('[]', value, (entry) => print(entry, sheet), sheet);
  else if (typeof value === 'object' && value !== null) {
    const entry = ([key, held]: [string, unknown]) => {
      write(`${quote(key, sheet.left)}: `, sheet);
      print(held, sheet);
    };
    printAll('{}', Object.entries(value), entry, sheet);
  } else write(textOf(value, sheet.left), sheet);
}

/** What is between the brackets, as far as there is room. */
function printAll<T>([open, close]: string, items: readonly T[], printOne: (item: T) => void, sheet: Sheet): void {
  write(open, sheet);
  for (const [index, item] of items.entries()) {
    if (sheet.left <= 0) return;
    if (index > 0) write(', ', sheet);
    printOne(item);
  }
  write(close, sheet);
}

function textOf(value: unknown, room: number): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return quote(value, room);
  if (typeof value === 'number' && !Number.isFinite(value)) return nonFinite(value);
  return String(value);
}

const nonFinite = (value: number): string => (Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf');

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** In single quotes, unless the text contains single quotes and no double ones; only its beginning if there is no room for more. */
function quote(whole: string, room: number): string {
  const text = whole.length > room + 1 ? whole.slice(0, Math.max(0, room) + 1) : whole;
  if (!/[\\\n\r\t'"]/.test(text)) return `'${text}'`;
  const mark = whole.includes("'") && !whole.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\\n\r\t'"]/g, (sign) => ESCAPES[sign] ?? (sign === mark ? `\\${sign}` : sign));
  return `${mark}${escaped}${mark}`;
}

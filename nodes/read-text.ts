// Lists that users write into text widgets → lists.
import { InputError } from '../engine/errors.ts';

/** Lines that are not empty, trimmed. */
export const linesOf = (text = ''): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter(Boolean);

/** Entries separated by commas or line breaks, trimmed. */
export const entriesOf = (text = ''): string[] => linesOf(text).flatMap((line) => linesOf(line.replaceAll(',', '\n')));

/** Numbers separated by commas, spaces or line breaks. Throws OPTION_INVALID for what is not a number; `name` is the widget's. */
export function numbersOf(name: string, text = ''): number[] {
  return text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((entry) => toNumber(name, entry));
}

/** `a red cat :: 0.5` → text and weight; without `::` the weight is 1. Throws OPTION_INVALID. */
export function weightedLine(name: string, line: string): { text: string; weight: number } {
  const at = line.lastIndexOf('::');
  if (at < 0) return { text: line, weight: 1 };
  const text = line.slice(0, at).trim();
  if (!text) throw new InputError('OPTION_INVALID', `${name}: there is no text before :: in "${line}".`);
  return { text, weight: toNumber(name, line.slice(at + 2).trim()) };
}

function toNumber(name: string, entry: string): number {
  const value = Number(entry);
  if (entry === '' || !Number.isFinite(value))
    throw new InputError('OPTION_INVALID', `${name}: "${entry}" is not a number; write it like 0.5.`);
  return value;
}

// ComfyUI's prompt syntax → pieces of text with their weights: `(word:1.2)`, `(word)` = 1.1 times, nested, `\(` for the sign itself.

export interface WeightedText {
  readonly text: string;
  readonly weight: number;
}

/** Weight of `(word)` relative to its surroundings. */
const EMPHASIS = 1.1;

/** Deeper nesting is read as plain text: a limit for untrusted texts. */
const MAX_DEPTH = 100;

/**
 * Splits a prompt. A number after the last colon inside parentheses is the weight there, regardless of what surrounds it; without one, parentheses
 * multiply by 1.1. A parenthesis that is never closed, or a stray closing one, is text.
 */
export const parseWeights = (prompt: string): WeightedText[] =>
  split(hideEscapes(prompt), 1, 0).map(({ text, weight }) => ({ text: showEscapes(text), weight }));

function split(text: string, weight: number, depth: number): WeightedText[] {
  return outerGroups(text).flatMap((piece) => {
    const isGroup = piece.length >= 2 && piece.startsWith('(') && piece.endsWith(')');
    if (!isGroup || depth >= MAX_DEPTH) return [{ text: piece, weight }];
    const inner = piece.slice(1, -1);
    const colon = inner.lastIndexOf(':');
    const given = colon > 0 ? readNumber(inner.slice(colon + 1)) : undefined;
    return given === undefined
      ? split(inner, weight * EMPHASIS, depth + 1)
      : split(inner.slice(0, colon), given, depth + 1);
  });
}

/** Cuts a text into its outermost groups (with their parentheses) and what lies between them. */
function outerGroups(text: string): string[] {
  const pieces: string[] = [];
  let depth = 0;
  let start = 0;
  const cut = (at: number) => {
    if (at > start) pieces.push(text.slice(start, at));
    start = at;
  };
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(' && depth++ === 0) cut(i);
    // A stray `)` takes the depth below 0, so that a later `(` opens no group: ComfyUI's way.
    else if (text[i] === ')' && --depth === 0) cut(i + 1);
  }
  cut(text.length);
  return pieces;
}

// The dot belongs to the digits after it: with `\.?` alone, a long run of digits could be split in every way (quadratic time).
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;

/** A number as Python's float() reads it in prompts; undefined for anything else. */
function readNumber(text: string): number | undefined {
  const trimmed = text.trim();
  return NUMBER.test(trimmed) ? Number(trimmed) : undefined;
}

// While groups are found, two characters that no prompt contains stand for the escaped parentheses.
const hideEscapes = (text: string): string => text.replaceAll('\\)', '\u0000\u0001').replaceAll('\\(', '\u0000\u0002');
const showEscapes = (text: string): string => text.replaceAll('\u0000\u0001', ')').replaceAll('\u0000\u0002', '(');

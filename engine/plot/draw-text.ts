// Text → SVG paths, so that plots show it on machines without fonts.
import rows from './glyphs.json' with { type: 'json' };

/**
 * Outlines of letters, generated from DejaVu Sans 2.37 (licence: Bitstream Vera, free to use and embed); 1000 units to the em, y downwards
 * from the baseline. A row: character, advance, SVG path.
 */
const glyphs = new Map((rows as [string, number, string][]).map(([char, advance, path]) => [char, { advance, path }]));
const unknown = glyphs.get('□')!;
const glyphOf = (char: string) => glyphs.get(char) ?? unknown;

/** Width of a line in pixels at a font size in pixels. */
export const textWidth = (text: string, size: number): number =>
  [...text].reduce((sum, char) => sum + glyphOf(char).advance, 0) * (size / 1000);

export interface TextStyle {
  readonly x: number;
  /** Of the baseline. */
  readonly y: number;
  readonly size: number;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly fill?: string;
  /** Degrees clockwise around x, y. */
  readonly rotate?: number;
}

/** One line of text as an SVG group. */
export function drawText(text: string, { x, y, size, anchor = 'start', fill = '#222', rotate = 0 }: TextStyle): string {
  const shift = { start: 0, middle: 0.5, end: 1 }[anchor] * textWidth(text, size) * (1000 / size);
  let at = -shift;
  const paths = [...text].map((char) => {
    const { advance, path } = glyphOf(char);
    const drawn = path && `<path transform="translate(${at.toFixed(0)} 0)" d="${path}"/>`;
    at += advance;
    return drawn;
  });
  return `<g fill="${fill}" transform="translate(${x} ${y}) rotate(${rotate}) scale(${size / 1000})">${paths.join('')}</g>`;
}

/** Breaks a text at spaces into at most `maxLines` lines of a width in pixels; the last ends in … if it was cut. */
export function wrapText(text: string, width: number, size: number, maxLines: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = line ? `${line} ${word}` : word;
    if (line && textWidth(longer, size) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  if (line) lines.push(line);
  if (lines.length > maxLines) lines.splice(maxLines - 1, Number.POSITIVE_INFINITY, `${lines[maxLines - 1]} …`);
  return lines.map((l) => cutText(l, width, size));
}

function cutText(text: string, width: number, size: number): string {
  if (textWidth(text, size) <= width) return text;
  const chars = [...text];
  while (chars.length > 1 && textWidth(`${chars.join('')}…`, size) > width) chars.pop();
  return `${chars.join('')}…`;
}

// Source and result → one PNG: two pictures, an arrow from one to the other, the prompt and a line below.
import sharp from 'sharp';
import { drawText, wrapText } from '../engine/plot/draw-text.ts';

export interface SideBySide {
  /** Encoded pictures. */
  readonly source: Buffer;
  readonly result: Buffer;
  readonly prompt: string;
  /** One line below the prompt. */
  readonly caption: string;
}

const SIDE = 320;
const GAP = 96;
const MARGIN = 32;
const WIDTH = 2 * (SIDE + MARGIN) + GAP;
const HEIGHT = SIDE + 148;

/** Renders it as PNG bytes, at twice its nominal size so that it is sharp. */
export async function renderSideBySide({ source, result, prompt, caption }: SideBySide): Promise<Buffer> {
  const [left, right] = await Promise.all([source, result].map(square));
  const middle = MARGIN + SIDE / 2;
  const from = MARGIN + SIDE + 20;
  const to = from + GAP - 40;
  const lines = wrapText(`“${prompt}”`, WIDTH - 2 * MARGIN, 22, 2);
  const top = MARGIN + SIDE + 40;
  const image = (png: Buffer, x: number) =>
    `<image x="${x}" y="${MARGIN}" width="${SIDE}" height="${SIDE}" href="data:image/png;base64,${png.toString('base64')}"/>`;
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH * 2}" height="${HEIGHT * 2}" viewBox="0 0 ${WIDTH} ${HEIGHT}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    image(left, MARGIN),
    image(right, MARGIN + SIDE + GAP),
    `<path d="M${from} ${middle}H${to}M${to - 14} ${middle - 12}L${to} ${middle}L${to - 14} ${middle + 12}" fill="none" stroke="#888" stroke-width="3"/>`,
    ...lines.map((line, i) => drawText(line, { x: MARGIN, y: top + i * 28, size: 22, fill: '#111' })),
    drawText(caption, { x: MARGIN, y: top + lines.length * 28, size: 14, fill: '#666' }),
    '</svg>',
  ].join('\n');
  return sharp(Buffer.from(svg)).png().toBuffer();
}

/** The picture on white, whole, in a square; small ones are enlarged smoothly. */
const square = (picture: Buffer): Promise<Buffer> =>
  sharp(picture)
    .flatten({ background: '#fff' })
    .resize(SIDE * 2, SIDE * 2, { fit: 'contain', background: '#fff', kernel: 'cubic' })
    .png()
    .toBuffer();

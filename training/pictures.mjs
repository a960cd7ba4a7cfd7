/**
 * Draws single icons as PNG files on white: the held-out pictures that held_out.py chose, the
 * examples of the README, and clip art of a set that was never trained on.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import sharp from 'sharp';
import { iconSvg } from './icons.mjs';

const ROOT = join(import.meta.dirname, '..');
const load = createRequire(import.meta.url);
const pairs = JSON.parse(readFileSync('cache/pairs.json', 'utf8'));

/** All from held-out pairs. */
const EXAMPLES = [
  { file: 'tiger.png', subject: 'tiger face', style: 'fluent-emoji-flat' },
  { file: 'house.png', subject: 'house', style: 'emojione' },
  { file: 'butterfly.png', subject: 'butterfly', style: 'fluent-emoji' },
  { file: 'guitar.png', subject: 'guitar', style: 'noto' },
];
const CLIP_ART = ['house-with-garden', 'guitar', 'bicycle', 'elephant', 'sailboat'];

async function draw(svg, file, size) {
  const inner = Math.round(size * 0.92);
  const border = { top: Math.floor((size - inner) / 2), left: Math.floor((size - inner) / 2) };
  await sharp(Buffer.from(svg), { density: 72 * (size / 96) })
    .resize(inner, inner, { fit: 'contain', background: 'white' })
    .flatten({ background: 'white' })
    .extend({ ...border, bottom: size - inner - border.top, right: size - inner - border.left, background: 'white' })
    .png({ palette: true, colours: 128, effort: 10 })
    .toFile(file);
}

const set = (style) => load(`@iconify-json/${style}/icons.json`);

async function drawPairs(rows, folder, size) {
  mkdirSync(join(ROOT, folder), { recursive: true });
  for (const { file, subject, style } of rows) {
    const { icon } = pairs.find((p) => p.subject === subject && p.style === style);
    await draw(iconSvg(set(style), icon), join(ROOT, folder, file), size);
  }
}

await drawPairs(load('../test/fixtures/held-out/index.json'), 'test/fixtures/held-out', 160);
await drawPairs(EXAMPLES, 'examples', 512);
mkdirSync(join(ROOT, 'test/fixtures/outside'), { recursive: true });
for (const icon of CLIP_ART) {
  await draw(iconSvg(set('streamline-emojis'), icon), join(ROOT, 'test/fixtures/outside', `${icon}.png`), 160);
}

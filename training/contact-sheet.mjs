// models/pico-diffusion/samples.jpg: prompts and what the shipped weights draw from each, seeds 0 to 5, nothing picked by hand.
// After `npm run build` in the repository's root: `node contact-sheet.mjs`.
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { loadCheckpoint } from '../dist/engine/diffusion/checkpoint.js';
import { emptyLatent } from '../dist/engine/diffusion/latent.js';
import { sample } from '../dist/engine/diffusion/sample.js';
import { drawText } from '../dist/engine/plot/draw-text.js';

const PROMPTS = [
  'a tiger',
  'a 3d drawing of a tiger',
  'a flat drawing of a butterfly',
  'a noto drawing of a watermelon',
  'a twitter drawing of a house',
  'a silhouette drawing of a guitar',
  'an outlined drawing of a bicycle',
  'a noto drawing of a grinning face',
  'a blob drawing of a pig face',
  'a red apple',
  'a 3d rocket on a blue background',
  'penguin bird antarctica flat drawing',
];
const SEEDS = 6;
const CELL = 96;
const LABEL = 320;
const HEAD = 28;
const settings = { steps: 20, cfg: 4, sampler: 'euler', scheduler: 'normal' };

const { model, clip, vae, release } = await loadCheckpoint('pico-diffusion');
const negative = await clip.encode('');
const [width, height] = [LABEL + SEEDS * CELL, HEAD + PROMPTS.length * CELL];
const pictures = [];
for (const [row, prompt] of PROMPTS.entries()) {
  const positive = await clip.encode(prompt);
  for (let seed = 0; seed < SEEDS; seed++) {
    const latent = await sample({ ...settings, model, positive, negative, latent: emptyLatent({ width: 64, height: 64 }), seed });
    const { shape, data } = await vae.decode(latent);
    const bytes = Uint8Array.from(data, (v) => Math.round(255 * v));
    const input = await sharp(bytes, { raw: { width: shape[2], height: shape[1], channels: 3 } })
      .resize(CELL * 2, CELL * 2, { kernel: 'cubic' })
      .png()
      .toBuffer();
    pictures.push({ input, left: 2 * (LABEL + seed * CELL), top: 2 * (HEAD + row * CELL) });
  }
}
await release();
const labels = [
  ...PROMPTS.map((prompt, row) => drawText(prompt, { x: LABEL - 14, y: HEAD + (row + 0.5) * CELL + 5, size: 15, anchor: 'end' })),
  ...Array.from({ length: SEEDS }, (_, seed) => drawText(`seed ${seed}`, { x: LABEL + (seed + 0.5) * CELL, y: 18, size: 13, anchor: 'middle', fill: '#666' })),
];
const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${2 * width}" height="${2 * height}" viewBox="0 0 ${width} ${height}"><rect width="100%" height="100%" fill="#fff"/>${labels.join('')}</svg>`;
const sheet = sharp(Buffer.from(svg)).composite(pictures);
await sheet.jpeg({ quality: 85 }).toFile(fileURLToPath(new URL('../models/pico-diffusion/samples.jpg', import.meta.url)));

// The whole chain on held-out pictures: picture → PEZ → prompt → pico-diffusion, with and without PEZ Rerank, and their captions drawn.
// Leaves every picture in out/chain for a judge that knows neither model (training/judge.py); here pico-clip itself judges.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { type Clip, loadClip } from '../engine/clip/clip.ts';
import { type Checkpoint, loadCheckpoint } from '../engine/diffusion/checkpoint.ts';
import { emptyLatent } from '../engine/diffusion/latent.ts';
import { sample } from '../engine/diffusion/sample.ts';
import { bytesOf, type ImageBatch } from '../engine/image/batch.ts';
import { invert } from '../engine/pez/invert.ts';
import { rerankPrompts } from '../engine/rerank/rerank.ts';
import { cosine, mean } from '../engine/vector.ts';
import type { Row } from './table.ts';

interface Entry {
  readonly file: string;
  readonly caption: string;
  readonly subject: string;
}

/** A line of out/chain/index.json; `similarity` to the source, by what was drawn. */
interface Drawn extends Entry {
  readonly source: string;
  readonly prompt: string;
  readonly reranked: string;
  readonly similarity: Readonly<Record<string, number>>;
}

/** As the templates draw. */
const SETTINGS = { steps: 20, cfg: 4, sampler: 'euler', scheduler: 'normal' } as const;
const SIDE = 64;
/** As PEZ Rerank by default. */
const SEEDS = 2;
const held = fileURLToPath(new URL('../test/fixtures/held-out/', import.meta.url));
const out = fileURLToPath(new URL('../out/chain/', import.meta.url));

/** Mean similarity to the source, by pico-clip, of what is drawn from the caption, from PEZ's prompt, and from the re-ranked one. */
export async function measureChain(pictures = 100): Promise<Row[]> {
  const [clip, checkpoint] = await Promise.all([loadClip('pico-clip'), loadCheckpoint('pico-diffusion')]);
  const entries = (JSON.parse(readFileSync(`${held}index.json`, 'utf8')) as Entry[]).slice(0, pictures);
  for (const kind of ['caption', 'chain', 'rerank']) mkdirSync(out + kind, { recursive: true });
  const index: Drawn[] = [];
  for (const [seed, { file, caption, subject }] of entries.entries()) {
    const candidates = await findPrompts(clip, file, seed);
    const drawn = await draw(checkpoint, caption, seed);
    const { best, candidates: ranked } = await rerankPrompts({
      ...SETTINGS,
      prompts: candidates,
      sources: [held + file],
      judge: clip,
      ...checkpoint,
      negative: '',
      latent: emptyLatent({ width: SIDE, height: SIDE }),
      seeds: Array.from({ length: SEEDS }, (_, i) => seed + i),
    });
    const closest = best.similarities.indexOf(Math.max(...best.similarities));
    const results = { caption: drawn, chain: ranked[0].pictures, rerank: pick(best.pictures, closest) };
    const [source] = await clip.image.encode([held + file]);
    const similarity: Record<string, number> = {};
    for (const [kind, picture] of Object.entries(results)) {
      const png = await toPng(picture);
      writeFileSync(`${out}${kind}/${file}`, png);
      similarity[kind] = cosine(source, (await clip.image.encode([png]))[0]);
    }
    index.push({
      file,
      source: held + file,
      subject,
      caption,
      prompt: candidates[0],
      reranked: best.prompt,
      similarity,
    });
    process.stderr.write(`  ${file}: ${best.prompt}\n`);
  }
  writeFileSync(`${out}index.json`, `${JSON.stringify(index, undefined, 2)}\n`);
  await checkpoint.release();
  const names = { caption: 'its caption', chain: 'PEZ Invert', rerank: 'PEZ Invert and PEZ Rerank' };
  return Object.entries(names).map(([kind, name]) => ({
    'drawn from': name,
    'similarity to the source': mean(index.map((row) => row.similarity[kind])).toFixed(3),
  }));
}

/** The candidates of PEZ Invert. Kept from run to run, for they depend on no checkpoint: remove out/chain after a change of the search. */
async function findPrompts(clip: Clip, file: string, seed: number): Promise<string[]> {
  const kept = `${out}prompts.json`;
  const all: Record<string, string[]> = existsSync(kept) ? JSON.parse(readFileSync(kept, 'utf8')) : {};
  if (!all[file]) {
    const { candidates } = await invert(clip, { targets: [{ image: held + file }], length: 8, seed });
    all[file] = candidates.map(({ prompt }) => prompt);
    writeFileSync(kept, JSON.stringify(all));
  }
  return all[file];
}

async function draw({ model, clip, vae }: Checkpoint, prompt: string, seed: number): Promise<ImageBatch> {
  const [positive, negative] = [await clip.encode(prompt), await clip.encode('')];
  const latent = emptyLatent({ width: SIDE, height: SIDE });
  return vae.decode(await sample({ ...SETTINGS, model, positive, negative, latent, seed }));
}

function pick({ shape: [, height, width, channels], data }: ImageBatch, i: number): ImageBatch {
  const size = height * width * channels;
  return { shape: [1, height, width, channels], data: data.slice(i * size, (i + 1) * size) };
}

/** The first picture of a batch. */
async function toPng(images: ImageBatch): Promise<Buffer> {
  const { data, width, height, channels } = bytesOf(images, 0);
  return sharp(data, { raw: { width, height, channels } }).png().toBuffer();
}

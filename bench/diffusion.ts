// What a sampling step costs: U-Net, guidance, VAE, and what our own code adds to onnxruntime's time.
import { fileURLToPath } from 'node:url';
import { loadCheckpoint } from '../engine/diffusion/checkpoint.ts';
import { emptyLatent } from '../engine/diffusion/latent.ts';
import { listBundledCheckpoints } from '../engine/diffusion/layout.ts';
import { makePreviewer } from '../engine/diffusion/preview.ts';
import { sample } from '../engine/diffusion/sample.ts';
import { median } from './clock.ts';
import type { Row } from './table.ts';

const STEPS = 20;
const ROUNDS = 5;
const TINY = fileURLToPath(new URL('../test/fixtures/diffusion/sd15', import.meta.url));

export interface DiffusionBench {
  /** Names, folders or hub ids; default: the bundled ones, or the tiny one of the tests. */
  readonly checkpoints?: readonly string[];
  /** Side of the pictures; default 64. */
  readonly side?: number;
}

/** One row a checkpoint: medians over rounds of 20 steps, times in milliseconds. */
export async function measureDiffusion({ checkpoints, side = 64 }: DiffusionBench = {}): Promise<Row[]> {
  const bundled = listBundledCheckpoints();
  const rows: Row[] = [];
  for (const name of checkpoints ?? (bundled.length ? bundled : [TINY])) rows.push(await measure(name, side));
  return rows;
}

async function measure(name: string, side: number): Promise<Row> {
  const checkpoint = await loadCheckpoint(name);
  const started = performance.now();
  const positive = await checkpoint.clip.encode('a red cat');
  const negative = await checkpoint.clip.encode('');
  const encode = performance.now() - started;
  const latent = emptyLatent({ width: side, height: side });
  const run = (cfg: number) =>
    sample({
      model: checkpoint.model,
      positive,
      negative,
      latent,
      seed: 1,
      steps: STEPS,
      cfg,
      sampler: 'dpmpp_2m',
      scheduler: 'karras',
    });
  /** One run: its time a step, that of the U-Net's session in it, and the share of all else. */
  const timed = async (cfg: number) => {
    const [before, from] = [checkpoint.times().unet.ms, performance.now()];
    const result = await run(cfg);
    const all = performance.now() - from;
    const inside = checkpoint.times().unet.ms - before;
    return { step: all / STEPS, unet: inside / STEPS, outside: (100 * (all - inside)) / all, result };
  };
  const { result } = await timed(1); // compiles
  const preview = await makePreviewer(checkpoint.vae);
  const rounds = { plain: [], guided: [], decode: [], preview: [] } as Record<string, number[]>;
  const guidedRuns: { step: number; unet: number; outside: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.plain.push((await timed(1)).step);
    guidedRuns.push(await timed(7));
    rounds.decode.push(await time(() => checkpoint.vae.decode(result)));
    rounds.preview.push(await time(async () => preview(result)));
  }
  const plain = median(rounds.plain);
  const guided = median(guidedRuns.map(({ step }) => step));
  await checkpoint.release();
  return {
    checkpoint: name.split(/[/\\]/).at(-1)!,
    pixels: `${side}×${side}`,
    'first prompts': encode.toFixed(0),
    'step, cfg 1': plain.toFixed(1),
    'guidance adds': (guided - plain).toFixed(1),
    'step, cfg 7': guided.toFixed(1),
    'of it U-Net': median(guidedRuns.map(({ unet }) => unet)).toFixed(1),
    'outside onnxruntime %': median(guidedRuns.map(({ outside }) => outside)).toFixed(1),
    'VAE decode': median(rounds.decode).toFixed(1),
    preview: median(rounds.preview).toFixed(2),
  };
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

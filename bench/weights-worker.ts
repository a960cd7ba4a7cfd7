// The bench's process for our engine: questions and answers are JSON, one a line.
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { loadClip } from '../engine/clip/clip.ts';
import { type Checkpoint, loadCheckpoint } from '../engine/diffusion/checkpoint.ts';
import type { Conditioning } from '../engine/diffusion/conditioning.ts';
import { emptyLatent } from '../engine/diffusion/latent.ts';
import { sample } from '../engine/diffusion/sample.ts';
import { timeInTurns } from './clock.ts';
import { prepareSteps } from './speed.ts';

const PICTURE = fileURLToPath(new URL('../examples/tiger.png', import.meta.url));
let checkpoint: Checkpoint;
let prompts: Conditioning[];

const answers: Record<string, (question: { path: string; side: number }) => Promise<object>> = {
  /** Until a small picture is drawn: sessions are made when they are first used. */
  load: async ({ path }) => ({
    seconds: await seconds(async () => {
      checkpoint = await loadCheckpoint(path);
      prompts = [await checkpoint.clip.encode('a red cat'), await checkpoint.clip.encode('blurry')];
      await checkpoint.vae.decode(await draw(64));
    }),
  }),
  /** With both rows of guidance; the prompts are encoded already. */
  step: async ({ side }) => ({ seconds: await seconds(() => draw(side)) }),
  clip: async ({ path }) => measureClip(path),
  memory: async () => ({ peak: peakBytes() }),
};

/** One step. */
function draw(side: number) {
  const [positive, negative] = prompts;
  return sample({
    model: checkpoint.model,
    positive,
    negative,
    latent: emptyLatent({ width: side, height: side }),
    seed: 1,
    steps: 1,
    cfg: 7,
    sampler: 'euler',
    scheduler: 'normal',
  });
}

async function measureClip(path: string): Promise<object> {
  const started = performance.now();
  const clip = await loadClip(path);
  const { step } = await prepareSteps(clip, 8, 1);
  const work = {
    text: () => clip.text.encode(['a red cat']),
    picture: () => clip.image.encode([PICTURE]),
    pez: step,
  };
  for (const run of Object.values(work)) await run();
  const first = (performance.now() - started) / 1000;
  return { seconds: first, ...(await timeInTurns(work, 5)) };
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

/** The most memory that the process ever held; Node counts it in KiB. */
const peakBytes = (): number => process.resourceUsage().maxRSS * 1024;

process.stdout.write('{}\n');
for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(await answers[question.do](question))}\n`);
}

// Speed on towers of real shapes with random weights: forward, forward + backward, one PEZ step, and their ratios.
import type { Clip } from '../engine/clip/clip.ts';
import { createGradientMemory } from '../engine/pez/gradient-memory.ts';
import { createNearestRows } from '../engine/pez/nearest.ts';
import { createSearch } from '../engine/pez/search.ts';
import { createTextGradient } from '../engine/pez/text-gradient.ts';
import { type Timed, timeInTurns } from './clock.ts';
import { randomClip, type ShapeName } from './random-clip.ts';
import type { Row } from './table.ts';

const ROUNDS = 15;
const CASES = [8, 16].flatMap((tokens) => [1, 4, 8].map((restarts) => ({ tokens, restarts })));
/** 75 tokens fill the context of 77 positions: what a step costs that computes all of it. */
const FULL = 75;

type Work = Timed & Record<'forward' | 'both' | 'project' | 'step', () => Promise<unknown>>;

/** One row per prompt length and number of restarts, and one for the full context; times in milliseconds. */
export async function measureSpeed(shape: ShapeName, folder: string): Promise<Row[]> {
  const clip = randomClip(shape, folder);
  const rows: Row[] = [];
  for (const { tokens, restarts } of [...CASES, { tokens: FULL, restarts: 1 }]) {
    const ms = await timeInTurns(await prepareSteps(clip, tokens, restarts), ROUNDS);
    rows.push({
      shape,
      tokens,
      positions: tokens + 2,
      restarts,
      'forward ms': ms.forward.toFixed(1),
      'forward + backward ms': ms.both.toFixed(1),
      'projection ms': ms.project.toFixed(1),
      'step ms': ms.step.toFixed(1),
      '(forward + backward) / forward': (ms.both / ms.forward).toFixed(2),
      'step / (forward + backward + projection)': (ms.step / (ms.both + ms.project)).toFixed(2),
    });
  }
  return rows;
}

/** The same step with M + 2 and with 77 positions, in turns. */
export async function measureShortening(shape: ShapeName, folder: string): Promise<Row[]> {
  const clip = randomClip(shape, folder);
  const full = await prepareSteps(clip, FULL, 1);
  const rows: Row[] = [];
  for (const tokens of [8, 16]) {
    const short = await prepareSteps(clip, tokens, 1);
    const ms = await timeInTurns(
      { short: short.both, full: full.both, fullForward: full.forward, project: short.project },
      ROUNDS,
    );
    const { project } = ms; // of the same M rows, however many positions are computed
    rows.push({
      shape,
      tokens,
      'step at M + 2 positions ms': (ms.short + project).toFixed(1),
      'the same at 77 ms': (ms.full + project).toFixed(1),
      'times faster': ((ms.full + project) / (ms.short + project)).toFixed(2),
      'with the second forward of the official code at 77 ms': (ms.full + ms.fullForward + project).toFixed(1),
      'times faster than that': ((ms.full + ms.fullForward + project) / (ms.short + project)).toFixed(2),
    });
  }
  return rows;
}

export async function prepareSteps(
  clip: Pick<Clip, 'text' | 'textModelPath' | 'tokenizer'>,
  tokens: number,
  restarts: number,
): Promise<Work> {
  const gradient = await createTextGradient(clip, tokens + 2);
  const nearest = await createNearestRows(gradient.table);
  const { data, dim, vocabSize } = gradient.table;
  const starts = Array.from({ length: restarts }, (_, k) =>
    Array.from({ length: tokens }, (_, i) => 1000 + 37 * i + 911 * k),
  );
  const framed = starts.map((ids) => clip.tokenizer.frame(ids));
  const points = new Float32Array(starts.flat().length * dim);
  for (const [n, id] of starts.flat().entries()) points.set(data.subarray(id * dim, (id + 1) * dim), n * dim);
  const mask = new Float32Array(vocabSize);
  const size = await clip.text.dim();
  const direction = new Float32Array(size).fill(1 / Math.sqrt(size));
  const gradients = createGradientMemory({ gradient, frame: clip.tokenizer.frame, offset: 1, reuse: false });
  const search = createSearch({
    rows: nearest,
    gradients,
    mask,
    projection: 'cosine',
    starts,
    learningRate: 0.1,
    weightDecay: 0.1,
  });
  return {
    forward: () => clip.text.encodeFramed(framed),
    both: () => gradient.run(framed, direction),
    project: () => nearest.project(points, mask, 'cosine'),
    step: () => search.step(direction, ''),
  };
}

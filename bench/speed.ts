// Speed on towers of real shapes with random weights: forward, forward + backward, one PEZ step, and their ratios.
import { createGradientMemory } from '../engine/pez/gradient-memory.ts';
import { createNearestRows } from '../engine/pez/nearest.ts';
import { createSearch } from '../engine/pez/search.ts';
import { createTextGradient } from '../engine/pez/text-gradient.ts';
import { timeInTurns } from './clock.ts';
import { randomClip, type ShapeName } from './random-clip.ts';
import type { Row } from './table.ts';

const ROUNDS = 9;
/** 77 positions: what the same step costs where the whole context is computed. */
const CASES = [
  { tokens: 8, restarts: [1, 4, 8] },
  { tokens: 16, restarts: [1, 4, 8] },
  { tokens: 75, restarts: [1] },
];

/** One row per prompt length and number of restarts; times in milliseconds. */
export async function measureSpeed(shape: ShapeName, folder: string): Promise<Row[]> {
  const clip = randomClip(shape, folder);
  const rows: Row[] = [];
  let shortStep = 0;
  for (const { tokens, restarts } of CASES) {
    const gradient = await createTextGradient(clip, tokens + 2);
    const nearest = await createNearestRows(gradient.table);
    const mask = new Float32Array(gradient.table.vocabSize);
    const direction = new Float32Array(clip.text.dim).fill(1 / Math.sqrt(clip.text.dim));
    for (const count of restarts) {
      const prompt = (k: number) => Array.from({ length: tokens }, (_, i) => 1000 + 37 * i + 911 * k);
      const starts = Array.from({ length: count }, (_, k) => prompt(k));
      const framed = starts.map((ids) => clip.tokenizer.frame(ids));
      const points = Float32Array.from(
        starts
          .flat()
          .flatMap((id) => [...gradient.table.data.subarray(id * gradient.table.dim, (id + 1) * gradient.table.dim)]),
      );
      const memory = createGradientMemory({ gradient, frame: clip.tokenizer.frame, offset: 1, reuse: false });
      const search = createSearch({
        rows: nearest,
        gradients: memory,
        mask,
        projection: 'cosine',
        starts,
        learningRate: 0.1,
        weightDecay: 0.1,
      });
      const ms = await timeInTurns(
        {
          forward: () => clip.text.encodeFramed(framed),
          both: () => gradient.run(framed, direction),
          project: () => nearest.project(points, mask, 'cosine'),
          step: () => search.step(direction, ''),
        },
        ROUNDS,
      );
      if (tokens === 8 && count === 1) shortStep = ms.step;
      rows.push({
        shape,
        tokens,
        positions: gradient.positions,
        restarts: count,
        'forward ms': ms.forward.toFixed(1),
        'forward + backward ms': ms.both.toFixed(1),
        'projection ms': ms.project.toFixed(1),
        'step ms': ms.step.toFixed(1),
        'fwd+bwd / fwd': (ms.both / ms.forward).toFixed(2),
        '(step − projection) / fwd+bwd': ((ms.step - ms.project) / ms.both).toFixed(2),
        'step at 77 / this': tokens === 75 ? `${(ms.step / shortStep).toFixed(2)} (8 tokens)` : '',
      });
    }
  }
  return rows;
}

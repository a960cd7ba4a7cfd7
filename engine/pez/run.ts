// The phases of an inversion: restarts with successive halving, then polish; stops early, on abort, or at the end.

import type { ReadPrompt } from './decode-prompt.ts';
import type { GradientMemory } from './gradient-memory.ts';
import type { NearestRows } from './nearest.ts';
import type { Objective } from './objective.ts';
import type { InvertOptions } from './options.ts';
import { polishRound } from './polish.ts';
import type { Pool } from './pool.ts';
import { createRandom } from './random.ts';
import type { Scorer } from './scorer.ts';
import { createSearch, type Fixed } from './search.ts';
import type { Settings } from './settings.ts';
import { drawStarts } from './starts.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface RunOptions {
  readonly settings: Settings;
  readonly vocabulary: Vocabulary;
  readonly objective: Objective;
  readonly rows: NearestRows;
  readonly gradients: GradientMemory;
  readonly read: ReadPrompt;
  readonly scorer: Scorer;
  readonly pool: Pool;
  /** Positions of the prompt that stay as they are: the caller's, or the anchors. */
  readonly fixed: Fixed;
  readonly signal?: AbortSignal;
  readonly onProgress?: InvertOptions['onProgress'];
}

/** Entry i of each list belongs to step `steps[i]`. */
export interface History {
  readonly steps: number[];
  /** Similarity of the best prompt so far. */
  readonly best: number[];
  /** Similarities of the restarts that still ran; empty in polish. */
  readonly similarities: number[][];
}

/** Random stream of the mini-batches; restarts use 0, 1, 2, … */
const BATCH_STREAM = 2 ** 31;

/** Runs all phases and leaves what was found in the pool. */
export async function runPhases(options: RunOptions): Promise<{ steps: number; aborted: boolean; history: History }> {
  const { settings, objective, pool, signal } = options;
  const history: History = { steps: [], best: [], similarities: [] };
  const planned = settings.steps + settings.polish;
  let steps = 0;

  /** Records a step, reports it, and lets timers and signals have their turn. */
  const finishStep = async (similarities: number[]) => {
    steps++;
    const [best] = pool.best(1);
    const similarity = best?.similarity ?? Number.NaN;
    history.steps.push(steps);
    history.best.push(similarity);
    history.similarities.push(similarities);
    options.onProgress?.({ step: steps, steps: planned, prompt: best?.reading.prompt ?? '', similarity, similarities });
    await new Promise((resolve) => setImmediate(resolve));
  };

  await runRestarts(options, finishStep);
  await pool.settle();
  const { direction } = objective.pick(createRandom(settings.seed), settings.targets.length);
  const patience = Math.ceil(settings.earlyStop / POLISH_PER_STEP);
  let best = pool.best(1)[0]?.score;
  for (let round = 0, idle = 0; round < settings.polish && idle < patience && !signal?.aborted; round++) {
    if (!(await polishRound({ ...options, direction, length: settings.length }))) break;
    await finishStep([]);
    const score = pool.best(1)[0].score;
    idle = score > best ? 0 : idle + 1;
    best = score;
  }
  return { steps, aborted: signal?.aborted ?? false, history };
}

/** A round of polish tries about as much as this many steps. */
const POLISH_PER_STEP = 10;

/** Algorithm 1 on all restarts; at equal intervals the worse half is dropped until one is left. */
async function runRestarts(options: RunOptions, finishStep: (similarities: number[]) => Promise<void>): Promise<void> {
  const { settings, vocabulary, objective, pool, signal } = options;
  const search = createSearch({
    ...options,
    ...settings,
    mask: vocabulary.mask,
    fixed: options.fixed, // the anchors too, which settings lack
    starts: drawStarts({ ...settings, vocabulary, fixed: options.fixed }),
  });
  const random = createRandom(settings.seed, BATCH_STREAM);
  const best = new Array<number>(settings.restarts).fill(Number.NEGATIVE_INFINITY);
  const stages = Math.ceil(Math.log2(settings.restarts)) + 1;
  let stage = 1;
  for (let step = 1, stageStart = 0, idle = 0; step <= settings.steps; step++) {
    const { direction, key } = objective.pick(random, settings.batchSize);
    const visits = await search.step(direction, key);
    idle++;
    for (const { restart, ids, embedding } of visits) {
      const score = await pool.offer(ids, embedding);
      if (score <= best[restart]) continue;
      best[restart] = score;
      idle = 0;
    }
    await finishStep(visits.map(({ embedding }) => objective.similarity(embedding)));
    if (signal?.aborted) return;
    if (step - stageStart < settings.steps / stages && idle < settings.earlyStop) continue;
    if (stage === stages) return;
    const ranked = search.running.toSorted((a, b) => best[b] - best[a]);
    search.keep(ranked.slice(0, Math.ceil(ranked.length / 2)));
    stage++;
    stageStart = step;
    idle = 0;
  }
}

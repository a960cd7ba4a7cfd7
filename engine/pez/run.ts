// The phases of an inversion: restarts with successive halving, then polish; stops early, on abort, or at the end.

import type { Inversion } from './inversion.ts';
import { polishRound } from './polish.ts';
import { createRandom } from './random.ts';
import { createSearch, type Search } from './search.ts';
import type { Shortlist } from './shortlist.ts';
import { drawStarts } from './starts.ts';

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

type FinishStep = (similarities: number[]) => Promise<void>;

/** Runs all phases; what they find is left in the pool. */
export async function runPhases(
  inversion: Inversion,
  shortlist: Shortlist,
): Promise<{ steps: number; aborted: boolean; history: History }> {
  const { settings, objective, pool, signal, onProgress } = inversion;
  const history: History = { steps: [], best: [], similarities: [] };
  const planned = settings.steps + settings.polish;
  let steps = 0;

  /** Records a step, reports it, and lets timers and signals have their turn. */
  const finishStep: FinishStep = async (similarities) => {
    steps++;
    const [best] = pool.best(1);
    const similarity = best?.similarity ?? Number.NaN;
    history.steps.push(steps);
    history.best.push(similarity);
    history.similarities.push(similarities);
    onProgress?.({ step: steps, steps: planned, prompt: best?.text.prompt ?? '', similarity, similarities });
    await new Promise((resolve) => setImmediate(resolve));
  };

  await runRestarts(inversion, shortlist, finishStep);
  await pool.scoreDeferred();
  const { direction } = objective.pick(createRandom(settings.seed), settings.targets.length);
  const patience = Math.ceil(settings.earlyStop / POLISH_PER_STEP);
  let best = pool.best(1)[0]?.score;
  for (let round = 0, idle = 0; round < settings.polish && idle < patience && !signal?.aborted; round++) {
    if (!(await polishRound(inversion, shortlist, direction))) break;
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
async function runRestarts(inversion: Inversion, shortlist: Shortlist, finishStep: FinishStep): Promise<void> {
  const { settings, objective, pool, signal } = inversion;
  const search = startSearch(inversion, shortlist);
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

function startSearch({ settings, rows, gradients }: Inversion, shortlist: Shortlist): Search {
  const { projection, learningRate, weightDecay } = settings;
  const { vocabulary, fixed } = shortlist;
  const starts = drawStarts(settings, shortlist);
  return createSearch({ rows, gradients, mask: vocabulary.mask, projection, fixed, starts, learningRate, weightDecay });
}

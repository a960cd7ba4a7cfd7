// A finished search → what a client draws of it: its course in at most MAX_POINTS points, and its best prompts.
import type { InvertResult } from '../engine/pez/invert.ts';

/** More points than a plot is wide help nobody, and the history keeps them. */
const MAX_POINTS = 160;

/** Under the keys `search` and `candidates` of what a node shows. `similarities`: one list a step, of the searches that still ran. */
export function searchData({ history, candidates }: Pick<InvertResult, 'history' | 'candidates'>) {
  const { steps, best, similarities } = history;
  const stride = Math.max(1, Math.ceil(steps.length / MAX_POINTS));
  const kept = steps.flatMap((_, i) => (i % stride === 0 || i === steps.length - 1 ? [i] : []));
  return {
    search: [
      {
        steps: kept.map((i) => steps[i]),
        best: kept.map((i) => round(best[i])),
        similarities: kept.map((i) => [...similarities[i]].map(round)),
      },
    ],
    candidates: candidates.map(({ prompt, similarity }) => ({ prompt, similarity: round(similarity) })),
  };
}

const round = (x: number): number => Math.round(x * 1e4) / 1e4;

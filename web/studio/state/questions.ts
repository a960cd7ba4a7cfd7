// What the page asks about words while somebody works on them: what each carries, and what could stand in its place.
import type { PromptWord, Suggestion } from '../../components/data.ts';
import { measureGraph, nearGraph, picturesIn, type TaskContext } from './graphs.ts';
import { shownBy } from './run.ts';
import type { Runs } from './runs.ts';
import { measuredWords, textOf } from './words.ts';

export interface Measured {
  readonly words: readonly PromptWord[];
  readonly similarity: number | undefined;
}

/** Words of the vocabulary for the place of one word; empty if the server cannot say. Known answers are not asked for again. */
export function createNearWords(): (runs: Runs, context: TaskContext, index: number) => Promise<readonly Suggestion[]> {
  const known = new Map<string, readonly Suggestion[]>();
  return async (runs, context, index) => {
    const { state, clip } = context;
    const key = JSON.stringify([textOf(state.words), index, picturesIn(context), clip, state.blocked]);
    const before = known.get(key);
    if (before) return before;
    const run = await runs.ask(nearGraph(context, index)).catch(() => undefined);
    if (run?.state !== 'done') return [];
    const [now] = shownBy(run, 'NearestWords', 'similarity') as number[];
    const near = shownBy(run, 'NearestWords', 'nearest') as { word: string; similarity: number }[];
    const suggestions = near.map(({ word, similarity }) => ({ word, change: similarity - now }));
    known.set(key, suggestions);
    return suggestions;
  };
}

/** What each word of the task carries; if the server cannot say it, why; undefined if it does not answer. */
export async function measureWords(runs: Runs, context: TaskContext): Promise<Measured | string | undefined> {
  const run = await runs.ask(measureGraph(context)).catch(() => undefined);
  if (run?.state !== 'done') return run?.error?.message;
  const [similarity] = shownBy(run, 'PromptWords', 'similarity') as number[];
  return { words: measuredWords(shownBy(run, 'PromptWords', 'words'), context.state.words), similarity };
}

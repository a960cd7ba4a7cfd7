// A search's progress → the node's progress bar, and the best prompt so far below it.
import type { NodeContext } from './node-context.ts';

/** Between two lines of text: what an eye can follow, and little traffic. */
const TEXT_EVERY_MS = 400;

export interface SearchProgress {
  readonly step: number;
  readonly steps: number;
  readonly prompt: string;
  readonly similarity: number;
}

/** The line that is shown: `0.8123  tiger cat orange`. */
export const describePrompt = ({ prompt, similarity }: { prompt: string; similarity: number }): string =>
  Number.isFinite(similarity) ? `${similarity.toFixed(4)}  ${prompt}` : prompt;

/** An onProgress for the engine. It throws once the user interrupts, so that the search ends with that step. */
export function reportSearch(context: NodeContext): (progress: SearchProgress) => void {
  const mayWrite = limitRate(TEXT_EVERY_MS);
  return (progress) => {
    context.progress(progress.step, progress.steps);
    if (progress.prompt && mayWrite()) context.text(describePrompt(progress));
  };
}

/** Gives a function that says yes at most once in so many milliseconds, at once the first time. */
export function limitRate(everyMs: number): () => boolean {
  let last = Number.NEGATIVE_INFINITY;
  return () => {
    const now = performance.now();
    if (now - last < everyMs) return false;
    last = now;
    return true;
  };
}

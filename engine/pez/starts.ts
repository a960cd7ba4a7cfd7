// Where restarts begin: random tokens of the vocabulary, or the words of an initial prompt.
import { createRandom } from './random.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface StartOptions {
  readonly vocabulary: Vocabulary;
  readonly length: number;
  readonly restarts: number;
  readonly seed: number;
  readonly initialIds: readonly number[];
}

/** The chance that a restart but the first draws a token of the initial prompt anew, so that they differ. */
const REDRAW = 0.5;

/** Start ids [R][M]. The first restart keeps the whole initial prompt; positions beyond it are random. */
export function drawStarts({ vocabulary, length, restarts, seed, initialIds }: StartOptions): number[][] {
  return Array.from({ length: restarts }, (_, restart) => {
    const random = createRandom(seed, restart);
    return Array.from({ length }, (_, m) => {
      const drawn = vocabulary.ids[random.int(vocabulary.ids.length)];
      const redraw = restart > 0 && random.next() < REDRAW;
      return m < initialIds.length && !redraw ? initialIds[m] : drawn;
    });
  });
}

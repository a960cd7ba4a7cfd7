// Where restarts begin: random words of the vocabulary, or the words of an initial prompt.
import type { Fixed } from './fixed.ts';
import { createRandom, type Random } from './random.ts';
import type { Settings } from './settings.ts';
import type { Vocabulary } from './vocabulary.ts';

type StartSettings = Pick<Settings, 'length' | 'restarts' | 'seed' | 'initialIds'>;

/** The chance that a restart other than the first replaces a token of the initial prompt, so that they differ. */
const REDRAW = 0.5;

/**
 * Start ids [R][M]: the fixed ids, elsewhere random words. The first restart keeps the whole initial prompt; positions
 * beyond it are random.
 */
export function drawStarts(
  { length, restarts, seed, initialIds }: StartSettings,
  { vocabulary, fixed }: { readonly vocabulary: Vocabulary; readonly fixed: Fixed },
): number[][] {
  return Array.from({ length: restarts }, (_, restart) => {
    const random = createRandom(seed, restart);
    const drawn = drawWords(vocabulary, length, random);
    return drawn.map((id, m) => {
      const stays = fixed.get(m);
      if (stays !== undefined) return stays;
      const redraw = restart > 0 && random.next() < REDRAW;
      return m < initialIds.length && !redraw ? initialIds[m] : id;
    });
  });
}

/** `length` ids: single tokens and phrases in random order, and any allowed token if nothing else fits into what is left. */
function drawWords({ ids, singles, phrases }: Vocabulary, length: number, random: Random): number[] {
  const drawn: number[] = [];
  while (drawn.length < length) {
    const fitting = phrases.filter((phrase) => phrase.length <= length - drawn.length);
    const choice = random.int(singles.length + fitting.length || ids.length);
    if (singles.length + fitting.length === 0) drawn.push(ids[choice]);
    else drawn.push(...(choice < singles.length ? [singles[choice]] : fitting[choice - singles.length]));
  }
  return drawn;
}

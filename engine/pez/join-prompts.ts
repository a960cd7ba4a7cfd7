// Words of several prompts → one prompt within a budget of tokens: side by side, or in turns.
import type { Word } from './words.ts';

export interface WeightedWords {
  readonly words: readonly Word[];
  /** Above 0. */
  readonly weight: number;
}

export interface Joined {
  readonly words: readonly Word[];
  /** Words that did not fit, in the order of the sources. */
  readonly dropped: readonly Word[];
}

export type JoinOrder = 'side by side' | 'in turns';

/**
 * Shares out the budget word by word: the next word always comes from the source with the fewest tokens for its weight, which
 * gives its words from the start; a source whose next word does not fit gives no more. side by side: each source in one
 * piece, the heaviest first; in turns: in the order in which they were taken. In turns, a word that another source has
 * given is not repeated; of equal sources only the first counts.
 */
export function joinPrompts(sources: readonly WeightedWords[], budget: number, order: JoinOrder): Joined {
  const textOf = (source: WeightedWords) => source.words.map((word) => word.text).join(' ');
  const distinct = sources.filter((source, i) => sources.findIndex((other) => textOf(other) === textOf(source)) === i);
  const queues = distinct
    .map((source, index) => ({ ...source, index, next: 0, tokens: 0, open: true }))
    .sort((a, b) => b.weight - a.weight);
  const taken: { word: Word; from: (typeof queues)[number] }[] = [];
  const givenBy = new Map<string, unknown>();
  let left = budget;
  for (;;) {
    const waiting = queues.filter((queue) => queue.open && queue.next < queue.words.length);
    if (waiting.length === 0) break;
    const queue = waiting.reduce((a, b) => (b.tokens / b.weight < a.tokens / a.weight ? b : a));
    const word = queue.words[queue.next];
    const giver = givenBy.get(word.text);
    if (order === 'in turns' && giver !== undefined && giver !== queue) queue.next++;
    else if (word.ids.length > left) queue.open = false;
    else {
      queue.next++;
      queue.tokens += word.ids.length;
      left -= word.ids.length;
      taken.push({ word, from: queue });
      if (/\p{L}/u.test(word.text)) givenBy.set(word.text, queue);
    }
  }
  const words = order === 'in turns' ? taken : queues.flatMap((queue) => taken.filter(({ from }) => from === queue));
  const dropped = queues.toSorted((a, b) => a.index - b.index).flatMap((queue) => queue.words.slice(queue.next));
  return { words: words.map(({ word }) => word), dropped };
}

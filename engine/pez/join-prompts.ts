// Words of several prompts → one prompt within a budget of tokens: side by side, or in turns.
import type { Word } from './words.ts';

export interface Part {
  readonly words: readonly Word[];
  /** Above 0. */
  readonly weight: number;
}

export interface Joined {
  readonly words: readonly Word[];
  /** Words that did not fit, in the order of the parts. */
  readonly dropped: readonly Word[];
}

/**
 * Deals out the budget word by word, each time to the part that has had the fewest tokens for its weight, from the start
 * of each; a part whose next word does not fit gets no more. side by side: the heaviest part first, each in one piece;
 * in turns: as dealt. Words that another part has brought are not repeated in turns, parts that are equal never.
 */
export function joinPrompts(parts: readonly Part[], budget: number, order: 'side by side' | 'in turns'): Joined {
  const textOf = (part: Part) => part.words.map((word) => word.text).join(' ');
  const distinct = parts.filter((part, i) => parts.findIndex((other) => textOf(other) === textOf(part)) === i);
  const hands = distinct
    .map((part, index) => ({ ...part, index, next: 0, tokens: 0, open: true }))
    .sort((a, b) => b.weight - a.weight);
  const dealt: { word: Word; hand: (typeof hands)[number] }[] = [];
  const brought = new Map<string, unknown>();
  let left = budget;
  for (;;) {
    const waiting = hands.filter((hand) => hand.open && hand.next < hand.words.length);
    if (waiting.length === 0) break;
    const hand = waiting.reduce((a, b) => (b.tokens / b.weight < a.tokens / a.weight ? b : a));
    const word = hand.words[hand.next];
    const owner = brought.get(word.text);
    if (order === 'in turns' && owner !== undefined && owner !== hand) hand.next++;
    else if (word.ids.length > left) hand.open = false;
    else {
      hand.next++;
      hand.tokens += word.ids.length;
      left -= word.ids.length;
      dealt.push({ word, hand });
      if (/\p{L}/u.test(word.text)) brought.set(word.text, hand);
    }
  }
  const words = order === 'in turns' ? dealt : hands.flatMap((hand) => dealt.filter((d) => d.hand === hand));
  const dropped = hands.toSorted((a, b) => a.index - b.index).flatMap((hand) => hand.words.slice(hand.next));
  return { words: words.map(({ word }) => word), dropped };
}

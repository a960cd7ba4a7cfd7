// Words of a prompt ↔ its text, and what can be done to them. A changed word has to be measured anew: its contribution is unknown.
import type { PromptWord } from '../../components/data.ts';

/** As a person would type them: no space before a mark. */
export const textOf = (words: readonly PromptWord[]): string =>
  words
    .map(({ text }) => text)
    .join(' ')
    .replace(/ (?=[,.;:!?)\]}])/g, '')
    .replace(/(?<=[([{]) /g, '');

export const wordsOf = (text: string): PromptWord[] =>
  (text.match(/[\p{L}\p{N}\p{M}'’<>-]+|[^\s\p{L}\p{N}]/gu) ?? []).map((word) => ({ text: word }));

const unmeasured = (words: readonly PromptWord[]): PromptWord[] =>
  words.map(({ text, pinned }) => (pinned ? { text, pinned } : { text }));

export const swapWord = (words: readonly PromptWord[], index: number, text: string): PromptWord[] => {
  const pinned = words[index]?.pinned ?? false;
  const coming = wordsOf(text).map((word) => (pinned ? { ...word, pinned } : word));
  return unmeasured([...words.slice(0, index), ...coming, ...words.slice(index + 1)]);
};

export const removeWord = (words: readonly PromptWord[], index: number): PromptWord[] =>
  unmeasured(words.filter((_, i) => i !== index));

export const addWords = (words: readonly PromptWord[], text: string): PromptWord[] =>
  unmeasured([...words, ...wordsOf(text)]);

export const moveWord = (words: readonly PromptWord[], from: number, to: number): PromptWord[] => {
  const moved = words.filter((_, i) => i !== from);
  moved.splice(to, 0, words[from]);
  return unmeasured(moved);
};

export const pinWord = (words: readonly PromptWord[], index: number): PromptWord[] =>
  words.map((word, i) => (i === index ? { ...word, pinned: !word.pinned } : word));

/** What PromptWords shows → words; pins are carried over by text. */
export function measuredWords(shown: readonly unknown[], before: readonly PromptWord[]): PromptWord[] {
  const pinned = new Set(before.filter((word) => word.pinned).map(({ text }) => text.toLowerCase()));
  return (shown as { word: string; tokens: string[]; contribution: number }[]).map(
    ({ word, tokens, contribution }) => ({
      text: word,
      tokens,
      contribution,
      ...(pinned.has(word.toLowerCase()) && { pinned: true }),
    }),
  );
}

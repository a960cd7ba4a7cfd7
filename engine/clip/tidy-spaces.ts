// Decoded tokens, one space after each word → text with the spaces that a person would type.

/** "a tiger , in the snow ." → "a tiger, in the snow."; a lone mark after a word tokenises the same either way. */
const SPACE_BEFORE_MARK = /(?<=[\p{L}\p{N}]) (?=[.,!?;:](?: |$))/gu;

/** "the tiger 's eye" → "the tiger's eye"; CLIP's pre-tokenizer cuts these endings off again. */
const SPACE_BEFORE_ENDING = /(?<=\p{L}) (?='(?:s|t|re|ve|m|ll|d)(?: |$))/gu;

/**
 * Removes spaces only where CLIP's tokenizer puts the same tokens on both sides of the change, so that tidying never
 * breaks the round trip text → ids → text.
 */
export function tidySpaces(text: string): string {
  return text.replace(/\s+/g, ' ').trim().replace(SPACE_BEFORE_MARK, '').replace(SPACE_BEFORE_ENDING, '');
}

// A prompt and swaps → prompts in which a concept is replaced, inserted or removed, and the rest is kept.
import * as check from '../check.ts';
import type { Clip } from '../clip/clip.ts';
import { dot, normalise } from '../vector.ts';
import { type Contribution, measureContributions } from './contribution.ts';
import { embedAll, roomOf } from './embed.ts';
import { invert } from './invert.ts';
import { POLISH_ROUNDS } from './options.ts';
import { editStability, type Run, selectRuns } from './swap-selection.ts';
import { checkSwap, type SwapOptions } from './swap-settings.ts';
import { foldText, joinWords, type Word, wordsOf } from './words.ts';

export type { Swap, SwapOptions, SwapProgress, SwapSelection } from './swap-settings.ts';

export interface SwappedPrompt {
  readonly prompt: string;
  /** encode(prompt). */
  readonly ids: readonly number[];
  /** The removed words and the new ones. */
  readonly swapped: { readonly from: string; readonly to: string };
  /** From −1 to 1; 1: only the concept changed. See editStability. */
  readonly editStability: number;
  /** Cosine of the prompt with what `restore` moves towards: the moved target, or the style. */
  readonly similarity: number;
  /** The same for the prompt before restoring. */
  readonly unrestoredSimilarity: number;
}

export interface SwapResult {
  /** One for each swap, in order. */
  readonly prompts: readonly SwappedPrompt[];
  /** What each token of the original prompt contributes to its similarity with the target. */
  readonly contributions: readonly Contribution[];
  readonly seconds: number;
  readonly aborted: boolean;
}

/** Steps and restarts of the restoring search. */
const STEPS = 60;
const RESTARTS = 4;

/**
 * Makes one prompt for each swap from the same original. With `restore`, the new words stay in their places and PEZ
 * moves the others, never to a worse prompt. Throws InputError OPTION_INVALID (a word that is not there, nothing
 * left, more tokens than the context holds), and the signal's reason if it is aborted before the words are swapped.
 */
export async function swapConcepts(clip: Clip, options: SwapOptions): Promise<SwapResult> {
  const started = performance.now();
  checkSwap(clip, options);
  const { swaps, signal } = options;
  signal?.throwIfAborted();
  const { tokenizer } = clip;
  const words = wordsOf(tokenizer, tokenizer.encode(options.prompt));
  const [original] = await clip.text.encode(
    [
      joinWords(
        tokenizer,
        words.map((word) => word.text),
      ),
    ],
    signal,
  );
  const [target] = options.target ? await embedAll(clip, [options.target], signal) : [];
  const [style] = options.style ? await embedAll(clip, [options.style], signal) : [];
  const edits: Edit[] = [];
  for (const { select, to } of swaps)
    edits.push(applySwap(clip, words, await selectRuns(clip, select, { words, target, signal }), to));
  const contributions = await measureContributions(clip, options.prompt, target && { embedding: target }, signal);

  const prompts: SwappedPrompt[] = [];
  for (const [index, edit] of edits.entries()) {
    const [from, to] = await clip.text.encode([edit.from, edit.to]);
    const goal = style ?? normalise((target ?? original).map((x, i) => x + to[i] - from[i]));
    const prompt =
      options.restore && !signal?.aborted ? await restore(clip, edit, { ...options, goal, index }) : edit.prompt;
    const [before, after] = await clip.text.encode([edit.prompt, prompt]);
    const concepts = [...(edit.from ? [from] : []), ...(edit.to ? [to] : [])];
    prompts.push({
      prompt,
      ids: tokenizer.encode(prompt),
      swapped: { from: edit.from, to: edit.to },
      editStability: editStability(original, after, concepts),
      similarity: dot(after, goal),
      unrestoredSimilarity: dot(before, goal),
    });
  }
  return { prompts, contributions, seconds: (performance.now() - started) / 1000, aborted: signal?.aborted ?? false };
}

interface Edit {
  readonly prompt: string;
  /** Positions of the new tokens. */
  readonly fixed: readonly number[];
  readonly from: string;
  readonly to: string;
}

/** The prompt with `to` in place of the runs. */
function applySwap({ tokenizer }: Clip, words: readonly Word[], runs: readonly Run[], to: string): Edit {
  const coming = wordsOf(tokenizer, tokenizer.encode(to));
  const edited: { word: Word; came: boolean }[] = [];
  const gone: Word[] = [];
  let next = 0;
  for (const { start, count, replaced } of runs) {
    edited.push(...words.slice(next, start).map((word) => ({ word, came: false })));
    // "a" + "a racing car": the article is already there.
    const repeats = coming.length > 1 && coming[0].text === edited.at(-1)?.word.text;
    if (replaced) edited.push(...coming.slice(repeats ? 1 : 0).map((word) => ({ word, came: true })));
    gone.push(...words.slice(start, start + count));
    next = start + count;
  }
  edited.push(...words.slice(next).map((word) => ({ word, came: false })));
  const prompt = joinWords(
    tokenizer,
    edited.map(({ word }) => word.text),
  );
  const tokens = tokenizer.encode(prompt).length;
  const room = roomOf(tokenizer);
  if (tokens === 0) throw check.invalid('to', 'text that is not empty, since nothing else of the prompt is left', to);
  if (tokens > room) throw check.invalidCount('The prompt with its new words', `at most ${room} tokens`, tokens);
  return {
    prompt,
    fixed: edited.flatMap(({ word, came }) => word.ids.map(() => came)).flatMap((came, i) => (came ? [i] : [])),
    from: joinWords(tokenizer, [...new Set(gone.map((word) => word.text))]),
    to: joinWords(
      tokenizer,
      coming.map((word) => word.text),
    ),
  };
}

interface RestoreOptions extends SwapOptions {
  readonly goal: Float32Array;
  /** Number of swaps that were restored before. */
  readonly index: number;
}

/** The prompt with its other tokens moved towards the goal. Removed words may not come back. */
async function restore(clip: Clip, { prompt, fixed, from }: Edit, options: RestoreOptions): Promise<string> {
  const { goal, index, swaps, seed, steps = STEPS, restarts = RESTARTS, signal, onProgress } = options;
  const length = clip.tokenizer.encode(prompt).length;
  if (fixed.length === length) return prompt;
  const each = steps + POLISH_ROUNDS;
  const isGone = from !== '' && !foldText(prompt).includes(foldText(from));
  const found = await invert(clip, {
    targets: [{ embedding: goal }],
    initialPrompt: prompt,
    fixed,
    length,
    steps,
    restarts,
    block: isGone ? [from] : [],
    seed,
    signal,
    onProgress: (p) =>
      onProgress?.({
        step: index * each + p.step,
        steps: swaps.length * each,
        prompt: p.prompt,
        similarity: p.similarity,
      }),
  });
  return found.prompt;
}

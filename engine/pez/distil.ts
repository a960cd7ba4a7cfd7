// A long text → a short prompt of the same meaning (the paper's prompt distillation).
import * as check from '../check.ts';
import type { Clip } from '../clip/clip.ts';
import { dot } from '../vector.ts';
import { chunkText, embedAll, roomOf } from './embed.ts';
import type { PromptCandidate } from './finalists.ts';
import { invert } from './invert.ts';
import type { InvertOptions } from './options.ts';
import { selectWords } from './select-words.ts';
import { hasLetters, wordsOf } from './words.ts';

export interface DistilOptions extends Omit<InvertOptions, 'targets' | 'batchSize' | 'length'> {
  /** Of any length; a text longer than the context is embedded in chunks, and the mean of these is the target. */
  readonly text: string;
  /** Most tokens of the prompt. */
  readonly length?: number;
  /** Instead of `length`: tokens of the prompt as a share of the text's, above 0 and at most 1; default 0.5. The paper: 0.7, 0.5, 0.3, 0.1. */
  readonly ratio?: number;
}

export interface DistilResult extends PromptCandidate {
  readonly tokens: readonly { readonly id: number; readonly text: string }[];
  /** Tokens of the text. */
  readonly originalTokens: number;
  /** Pieces in which the text was embedded; 1 if the context holds it. */
  readonly chunks: number;
  /** Tokens that were allowed: `length`, or ratio × originalTokens, but at least 1 and at most what the context holds. */
  readonly length: number;
  readonly seed: number;
  readonly seconds: number;
  readonly candidates: readonly PromptCandidate[];
  readonly aborted: boolean;
}

/**
 * Searches for the short prompt whose embedding is nearest to the text's. The search starts from the nearest selection of
 * the text's own words (unless an initial prompt is given), and returns nothing worse.
 * Throws InputError OPTION_INVALID, whatever `invert` may throw, and the signal's reason if it is aborted before there
 * is a prompt.
 */
export async function distilPrompt(clip: Clip, options: DistilOptions): Promise<DistilResult> {
  const started = performance.now();
  const { text, length: _, ratio: __, ...rest } = options;
  const { signal } = options;
  signal?.throwIfAborted();
  const { tokenizer } = clip;
  const content = typeof text === 'string' ? tokenizer.encode(text) : [];
  if (content.length === 0) throw check.invalid('text', 'text that is not empty', text);
  const length = lengthOf(options, content.length, roomOf(tokenizer));
  const [embedding] = await embedAll(clip, [{ text }], signal);
  const own = options.initialPrompt ?? (await startFrom(clip, content, { embedding, length, signal }));
  const censored = [...(options.allow ?? []), ...(options.block ?? [])].length > 0;
  if (censored || own === '') signal?.throwIfAborted();
  const start = (options.template ?? '{}').replace('{}', () => own);
  const candidates = signal?.aborted
    ? [await scoreText(clip, start, embedding)]
    : (await invert(clip, { ...rest, targets: [{ embedding }], length, initialPrompt: own || undefined })).candidates;
  const [{ prompt, similarity, ids }] = candidates;
  return {
    prompt,
    similarity,
    ids,
    tokens: ids.map((id) => ({ id, text: tokenizer.decode([id]) })),
    originalTokens: content.length,
    chunks: chunkText(clip, text).length,
    length,
    seed: options.seed ?? 0,
    seconds: (performance.now() - started) / 1000,
    candidates,
    aborted: signal?.aborted ?? false,
  };
}

/** The words of the text that together are nearest to it; all of them if they fit. */
async function startFrom(
  clip: Clip,
  content: readonly number[],
  { embedding, length, signal }: { embedding: Float32Array; length: number; signal: AbortSignal | undefined },
): Promise<string> {
  if (content.length <= length) return clip.tokenizer.decode(content);
  const all = new Map(wordsOf(clip.tokenizer, content).map((word) => [word.text, word]));
  const words = [...all.values()].filter(({ text }) => hasLetters(text));
  let tokens = 0;
  const beyond = words.findIndex(({ ids }) => (tokens += ids.length) > length);
  const first = words.slice(0, beyond < 0 ? words.length : beyond).map((_, w) => w);
  const score = (e: Float32Array) => dot(e, embedding);
  const { order } = await selectWords(clip, { words, seeds: [first], length, score, signal });
  return order.map((w) => words[w].text).join(' ');
}

async function scoreText(clip: Clip, prompt: string, target: Float32Array): Promise<PromptCandidate> {
  const [embedding] = await clip.text.encode([prompt]);
  return { prompt, similarity: dot(embedding, target), ids: clip.tokenizer.encode(prompt) };
}

const DEFAULT_RATIO = 0.5;

function lengthOf({ length, ratio }: DistilOptions, tokens: number, room: number): number {
  if (length !== undefined && ratio !== undefined) throw check.invalid('ratio', 'left out if length is given', ratio);
  if (length !== undefined) check.integer('length', length, { min: 1, max: room, note: 'what the encoder reads' });
  const part = ratio ?? DEFAULT_RATIO;
  check.finite('ratio', part, { above: 0, max: 1 });
  return length ?? Math.min(room, Math.max(1, Math.round(part * tokens)));
}

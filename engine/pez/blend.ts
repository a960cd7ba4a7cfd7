// Prompts and pictures → one prompt that holds something of each.
import * as check from '../check.ts';
import type { Clip } from '../clip/clip.ts';
import { dot } from '../vector.ts';
import { type BlendMode, type BlendOptions, type BlendSettings, resolveBlend, weightOf } from './blend-settings.ts';
import { embedAll, roomOf } from './embed.ts';
import { invert } from './invert.ts';
import { type Joined, type JoinOrder, joinPrompts } from './join-prompts.ts';
import { defaults } from './options.ts';
import { longest, readSources, selectFromSources } from './source-words.ts';
import { joinWords, type Word } from './words.ts';

export type { BlendMode, BlendOptions, BlendProgress, BlendSource } from './blend-settings.ts';
export { blendModes } from './blend-settings.ts';

export interface BlendResult {
  readonly prompt: string;
  /** encode(prompt). */
  readonly ids: readonly number[];
  /** Cosine of the prompt with each source, in order, including those of weight 0 and below. */
  readonly similarities: readonly number[];
  /** Words of the sources that did not fit; always empty for joint and crossover, which choose their words. */
  readonly dropped: readonly string[];
  readonly seconds: number;
  readonly aborted: boolean;
}

/**
 * Blends prompts and pictures into one prompt. Except for joint, pictures are turned into prompts first (`invert`).
 * concatenate, interleave: the words of all sources; if they do not fit, weights decide how many each source keeps.
 * joint: maximises Σ wₛ cos(prompt, s) / Σ |wₛ|, starting from the best selection of the sources' words.
 * crossover: the selection of the sources' words with the highest ½ (that mean) + ½ (the least cosine with a source of
 * positive weight), so that a prompt cannot win by being like one source only.
 * Throws InputError OPTION_INVALID, whatever reading pictures may throw, and the signal's reason if it is aborted
 * before there is a prompt.
 */
export async function blendPrompts(clip: Clip, options: BlendOptions): Promise<BlendResult> {
  const started = performance.now();
  const settings = resolveBlend(clip, options);
  const { sources, mode, signal } = settings;
  signal?.throwIfAborted();
  const embeddings = await embedAll(
    clip,
    sources.map((source) => ('image' in source ? source : { text: source.prompt })),
    signal,
  );
  const blended = await blenders[mode](clip, settings, embeddings);
  const { tokenizer } = clip;
  const ids = tokenizer.encode(blended.prompt);
  if (ids.length === 0) {
    signal?.throwIfAborted();
    throw check.invalid('length', 'room for at least one word of the sources', settings.length);
  }
  const [own] = await clip.text.encode([blended.prompt]);
  return {
    prompt: blended.prompt,
    ids,
    similarities: embeddings.map((embedding) => dot(own, embedding)),
    dropped: blended.dropped.map((word) => word.text),
    seconds: (performance.now() - started) / 1000,
    aborted: signal?.aborted ?? false,
  };
}

interface Blended {
  readonly prompt: string;
  readonly dropped: readonly Word[];
}

type Blender = (clip: Clip, settings: BlendSettings, embeddings: readonly Float32Array[]) => Promise<Blended>;

const join =
  (order: JoinOrder): Blender =>
  async (clip, settings) => {
    const room = roomOf(clip.tokenizer);
    const { words } = await readSources(clip, settings);
    return fitPrompt(clip, joinPrompts(words, settings.length ?? room, order), settings.length ?? room);
  };

const crossover: Blender = async (clip, settings, embeddings) => {
  const { words, steps } = await readSources(clip, settings);
  const weights = settings.sources.map(weightOf);
  const wanted = embeddings.filter((_, i) => weights[i] > 0);
  const mean = meanOf(embeddings, weights);
  const score = (e: Float32Array) => 0.5 * mean(e) + 0.5 * Math.min(...wanted.map((target) => dot(e, target)));
  const length = settings.length ?? longest(clip, words);
  const { signal, onProgress } = settings;
  const prompt = await selectFromSources(clip, words, { length, score, before: steps, signal, onProgress });
  return { prompt, dropped: [] };
};

const joint: Blender = async (clip, settings, embeddings) => {
  const { sources, seed, steps, restarts, signal, onProgress } = settings;
  const prompts = sources.filter((source) => 'prompt' in source);
  const { words } = await readSources(clip, { ...settings, sources: prompts });
  const weights = sources.map(weightOf);
  const score = meanOf(embeddings, weights);
  const length = settings.length ?? (words.length > 0 ? longest(clip, words) : defaults.length);
  const start = await selectFromSources(clip, words, { length, score, before: 0, signal });
  if (signal?.aborted) return { prompt: start, dropped: [] };
  const { prompt } = await invert(clip, {
    targets: embeddings.flatMap((embedding, i) => (weights[i] ? [{ embedding, weight: weights[i] }] : [])),
    length,
    seed,
    steps,
    restarts,
    initialPrompt: start || undefined,
    signal,
    onProgress,
  });
  return { prompt, dropped: [] };
};

const blenders: Record<BlendMode, Blender> = {
  concatenate: join('side by side'),
  interleave: join('in turns'),
  joint,
  crossover,
};

/** Σ wᵢ cos(·, eᵢ) / Σ |wᵢ|. */
function meanOf(embeddings: readonly Float32Array[], weights: readonly number[]): (e: Float32Array) => number {
  const total = weights.reduce((sum, w) => sum + Math.abs(w), 0);
  return (e) => embeddings.reduce((sum, target, i) => sum + (weights[i] * dot(e, target)) / total, 0);
}

/** The words as a text, without the last of them if the text has more tokens than they had alone. */
function fitPrompt({ tokenizer }: Clip, { words, dropped }: Joined, length: number): Blended {
  for (let count = words.length; count > 0; count--) {
    const kept = words.slice(0, count).map((word) => word.text);
    const prompt = joinWords(tokenizer, kept);
    if (tokenizer.encode(prompt).length <= length) return { prompt, dropped: [...words.slice(count), ...dropped] };
  }
  return { prompt: '', dropped: [...words, ...dropped] };
}

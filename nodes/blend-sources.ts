// Sockets and lines of Prompt Blend → what the engine blends.
import { InputError } from '../engine/errors.ts';
import { allBytesOf } from '../engine/image/batch.ts';
import type { BlendSource } from '../engine/pez/blend.ts';
import { linesOf, weightedLine } from './read-text.ts';
import type { ImageBatch, PezPrompt } from './values.ts';

export interface NamedSource {
  readonly source: BlendSource;
  /** What tables call it. */
  readonly name: string;
}

/** A prompt, as text or with its tokens. */
export const promptSource = (prompt: string | PezPrompt | undefined, weight: number): NamedSource[] => {
  const text = typeof prompt === 'object' ? prompt.prompt : prompt;
  return text?.trim() ? [{ source: { prompt: text.trim(), weight }, name: text.trim() }] : [];
};

/** Every picture of a batch is a source; they share the weight. */
export const imageSources = (name: string, images: ImageBatch | undefined, weight: number): NamedSource[] => {
  if (!images) return [];
  const pictures = allBytesOf(images);
  return pictures.map((image, i) => ({
    source: { image, weight: weight / pictures.length },
    name: pictures.length > 1 ? `${name} (${i + 1})` : name,
  }));
};

/** Lines such as `a red cat :: 0.5`. */
export const lineSources = (text: string | undefined): NamedSource[] =>
  linesOf(text).map((line) => {
    const { text: prompt, weight } = weightedLine('prompts', line);
    return { source: { prompt, weight }, name: prompt };
  });

/** Throws OPTION_INVALID where there is nothing to blend. */
export function checkSources(sources: readonly NamedSource[]): readonly NamedSource[] {
  if (sources.length >= 2) return sources;
  throw new InputError(
    'OPTION_INVALID',
    `There ${sources.length === 1 ? 'is one source' : 'are no sources'} to blend, but two are needed: write prompts, one per line, or connect prompts and images.`,
  );
}

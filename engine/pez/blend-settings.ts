// What a caller may ask of `blendPrompts`: sources, modes, options, and their checks.
import * as check from '../check.ts';
import type { Clip } from '../clip/clip.ts';
import type { ImageInput } from '../clip/image-encoder.ts';
import { roomOf } from './embed.ts';

/** What is blended. `weight` (default 1): 0 leaves the source out; a negative weight pushes away (joint and crossover only). */
export type BlendSource = { readonly weight?: number } & ({ readonly prompt: string } | { readonly image: ImageInput });

export type BlendMode = (typeof blendModes)[number];

/** concatenate: side by side (the paper); interleave: words in turns; joint: PEZ on all targets; crossover: the best of the sources' words. */
export const blendModes = ['concatenate', 'interleave', 'joint', 'crossover'] as const;

export interface BlendOptions {
  readonly sources: readonly BlendSource[];
  readonly mode: BlendMode;
  /** Most tokens of the prompt. concatenate, interleave: by default what the context holds; joint, crossover: the longest source's. */
  readonly length?: number;
  /** Integer from 0; the same seed on the same machine gives the same prompt. Default 0. */
  readonly seed?: number;
  /** Of each PEZ search: see InvertOptions. */
  readonly steps?: number;
  readonly restarts?: number;
  /** Aborting ends the blend within one step and returns the best so far. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: BlendProgress) => void;
}

export interface BlendProgress {
  readonly step: number;
  /** Planned steps of all searches that the blend needs. */
  readonly steps: number;
  /** The best prompt so far (of the source that is being inverted, if one is) and its similarity. */
  readonly prompt: string;
  readonly similarity: number;
}

export type BlendSettings = BlendOptions & { readonly seed: number };

export const weightOf = ({ weight = 1 }: BlendSource): number => weight;

/** Options with every default filled in; throws OPTION_INVALID. */
export function resolveBlend(clip: Clip, options: BlendOptions): BlendSettings {
  const { sources, mode, length, seed = 0 } = options;
  check.oneOf('mode', mode, blendModes);
  check.integer('seed', seed, { min: 0, max: Number.MAX_SAFE_INTEGER });
  const max = roomOf(clip.tokenizer);
  if (length !== undefined) check.integer('length', length, { min: 1, max, note: 'what the encoder reads' });
  if (!Array.isArray(sources) || sources.length === 0)
    throw check.invalid('sources', 'at least one {prompt} or {image}', sources);
  for (const source of sources) checkSource(clip, source, mode);
  if (!sources.some((source) => weightOf(source) > 0))
    throw check.invalid('weight', 'above 0 for at least one source', sources.map(weightOf));
  return { ...options, seed };
}

function checkSource({ tokenizer }: Clip, source: BlendSource, mode: BlendMode): void {
  const kinds = ['prompt', 'image'].filter((kind) => (source as Record<string, unknown>)?.[kind] != null);
  if (kinds.length !== 1) throw check.invalid('source', 'exactly one of prompt, image', kinds);
  const weight = weightOf(source);
  check.finite('weight', weight);
  if (weight < 0 && mode !== 'joint' && mode !== 'crossover')
    throw check.invalid('weight', `0 or more in mode ${mode} (joint and crossover can push away)`, weight);
  if (!('prompt' in source)) return;
  const { prompt } = source;
  if (typeof prompt !== 'string' || tokenizer.encode(prompt).length === 0)
    throw check.invalid('prompt', 'text that is not empty', prompt);
}

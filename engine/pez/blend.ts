// Prompts and pictures → one prompt that holds something of each.
import type { Clip } from '../clip/clip.ts';
import type { ImageInput } from '../clip/image-encoder.ts';

/** What is blended. `weight` (default 1): 0 leaves the source out; below 0 pushes away (joint and crossover only). */
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
  /** The best prompt so far (of the source that is being inverted, where one is) and its similarity. */
  readonly prompt: string;
  readonly similarity: number;
}

export interface BlendResult {
  readonly prompt: string;
  /** encode(prompt). */
  readonly ids: readonly number[];
  /** Cosine of the prompt with each source, in their order, those of weight 0 and below included. */
  readonly similarities: readonly number[];
  /** Words of the sources that did not fit; always empty for joint and crossover, which choose. */
  readonly dropped: readonly string[];
  readonly seconds: number;
  readonly aborted: boolean;
}

export async function blendPrompts(_clip: Clip, _options: BlendOptions): Promise<BlendResult> {
  throw new Error('blendPrompts: in the making');
}

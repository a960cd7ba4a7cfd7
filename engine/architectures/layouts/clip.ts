// Weights → the CLIP in them: in which layout, which towers, and its parameters under transformers' names.
import type { Weights } from '../../safetensors/weights.ts';
import type { Parameters } from '../layers.ts';
import { openClip, openClipTowers } from './open-clip.ts';
import { transformersClip, transformersTowers } from './transformers-clip.ts';

export type ClipLayoutName = 'transformers' | 'open_clip';

export interface FoundClip {
  readonly layout: ClipLayoutName;
  readonly parameters: Parameters;
  /** Which towers are there. */
  readonly text: boolean;
  readonly vision: boolean;
  /** The file is OpenAI's own: it carries the counts that only its code writes. */
  readonly byOpenAi: boolean;
}

const OPENAI_COUNTS = ['input_resolution', 'context_length', 'vocab_size'];

/** `prefix`: what stands before every name. Undefined if there is no CLIP under it. */
export function clipIn(weights: Weights, prefix = ''): FoundClip | undefined {
  const transformers = transformersTowers(weights, prefix);
  if (transformers.text || transformers.vision)
    return { layout: 'transformers', parameters: transformersClip(weights, prefix), ...transformers, byOpenAi: false };
  const open = openClipTowers(weights, prefix);
  if (!open.text && !open.vision) return undefined;
  const byOpenAi = OPENAI_COUNTS.every((name) => weights.names.has(prefix + name));
  return { layout: 'open_clip', parameters: openClip(weights, prefix), ...open, byOpenAi };
}

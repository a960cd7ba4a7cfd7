// The two kinds of CLIP that travel along one socket: one that judges texts and pictures, and a checkpoint's, that tells a U-Net what to draw.
import type { Clip } from '../engine/clip/clip.ts';
import { fittingClipHint } from '../engine/clip/fitting-clips.ts';
import type { PromptModel } from '../engine/diffusion/checkpoint.ts';
import { clipsBehind } from '../engine/diffusion/judging-tower.ts';
import { InputError } from '../engine/errors.ts';

/** Load CLIP gives a `Clip`, Load Checkpoint a `PromptModel`. */
export type ClipValue = Clip | PromptModel;

/** The CLIP that judges. Throws MODEL_UNSUPPORTED for a checkpoint's, which has no picture tower. */
export function judgeOf(clip: ClipValue): Clip {
  if ('image' in clip) return clip;
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `The CLIP of the checkpoint ${clip.name} has no picture tower: connect Load CLIP here, with the CLIP that it comes from: ${fittingClipHint(clipsBehind(clip))}.`,
  );
}

/** The CLIP that makes conditioning. Throws MODEL_UNSUPPORTED for one of Load CLIP, whose texts no U-Net was trained on. */
export function promptModelOf(clip: ClipValue): PromptModel {
  if ('encode' in clip) return clip;
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `The CLIP ${clip.name} comes from Load CLIP and judges pictures: connect the CLIP of Load Checkpoint here.`,
  );
}

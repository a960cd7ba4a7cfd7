// The two kinds of CLIP that travel along one socket: one that judges texts and pictures, and a checkpoint's, that tells a U-Net what to draw.
import type { Clip, VisionTower } from '../engine/clip/clip.ts';
import { fittingClipHint } from '../engine/clip/fitting-clips.ts';
import { pairTowers } from '../engine/clip/pair-towers.ts';
import type { PromptModel } from '../engine/diffusion/checkpoint.ts';
import { clipsBehind, judgingTower } from '../engine/diffusion/judging-tower.ts';
import { InputError } from '../engine/errors.ts';

/** Load CLIP gives a `Clip`, a `PromptModel`, or what is both; Load Checkpoint a `PromptModel`. */
export type ClipValue = Clip | PromptModel | (PromptModel & { readonly cannotJudge: unknown });

/** The CLIP that judges. Throws MODEL_UNSUPPORTED for a checkpoint's, which has no picture tower. */
export function judgeOf(clip: ClipValue): Clip {
  if ('image' in clip) return clip;
  if ('cannotJudge' in clip) throw clip.cannotJudge;
  throw needsClip(clip, 'has no picture tower');
}

/**
 * The same with the picture tower of another file, if there is one: then a checkpoint's judges, too, where one of its text towers ends in the space of
 * pictures. Throws MODEL_UNSUPPORTED also if both do not belong together.
 */
export async function judgeWith(clip: ClipValue, vision: VisionTower | undefined): Promise<Clip> {
  if (!vision) return judgeOf(clip);
  const tower = 'image' in clip ? clip : await judgingTower(clip);
  if (tower) return pairTowers(tower, vision);
  if ('cannotJudge' in clip) throw clip.cannotJudge;
  throw needsClip(clip as PromptModel, 'lacks text_projection, the matrix that leads into the space of pictures');
}

const needsClip = (clip: PromptModel, why: string): InputError =>
  new InputError(
    'MODEL_UNSUPPORTED',
    `The CLIP of the checkpoint ${clip.name} ${why}: connect Load CLIP here, with the CLIP that it comes from: ${fittingClipHint(clipsBehind(clip))}.`,
  );

/** The CLIP that makes conditioning. Throws MODEL_UNSUPPORTED for one of Load CLIP whose texts no U-Net was trained on. */
export function promptModelOf(clip: ClipValue): PromptModel {
  if ('encode' in clip) return clip;
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `The CLIP ${clip.name} comes from Load CLIP and judges pictures: connect the CLIP of Load Checkpoint here.`,
  );
}

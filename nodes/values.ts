// What travels along links: the value of each socket type.
import type { VisionTower } from '../engine/clip/clip.ts';
import type { DiffusionModel } from '../engine/diffusion/checkpoint.ts';
import type { Conditioning } from '../engine/diffusion/conditioning.ts';
import type { Latent } from '../engine/diffusion/latent.ts';
import type { Vae } from '../engine/diffusion/vae.ts';
import type { ImageBatch } from '../engine/image/batch.ts';
import type { ClipValue } from './clip-kinds.ts';

export type { ImageBatch };

/** ComfyUI's MASK: float32 [B, H, W], 1 where the mask covers. */
export interface Mask {
  readonly shape: readonly [batch: number, height: number, width: number];
  readonly data: Float32Array;
}

/** A hard prompt as the other PEZ nodes take it: text, token ids (special tokens not included), and what it was scored. */
export interface PezPrompt {
  readonly prompt: string;
  readonly ids: readonly number[];
  /** Cosine similarity to the targets that it was found for; undefined where there were none. */
  readonly similarity?: number;
}

/** What KSampler draws with. */
export interface ModelValue extends DiffusionModel {
  /** The VAE whose colours previews are painted with; without one there are none. */
  readonly previewVae?: Vae;
}

/** Socket type → value. One more socket type: one line here, and one in `MADE_BY_NODES`. */
export interface SocketValues {
  IMAGE: ImageBatch;
  MASK: Mask;
  CLIP: ClipValue;
  MODEL: ModelValue;
  CONDITIONING: Conditioning;
  LATENT: Latent;
  VAE: Vae;
  CLIP_VISION: VisionTower;
  PEZ_PROMPT: PezPrompt;
  STRING: string;
  INT: number;
  FLOAT: number;
  BOOLEAN: boolean;
  COMBO: string;
  '*': unknown;
}

/** Which values only nodes make: a graph can link such an input, but not write a literal there. */
const MADE_BY_NODES: Readonly<Record<keyof SocketValues, boolean>> = {
  IMAGE: true,
  MASK: true,
  CLIP: true,
  MODEL: true,
  CONDITIONING: true,
  LATENT: true,
  VAE: true,
  CLIP_VISION: true,
  PEZ_PROMPT: true,
  STRING: false,
  INT: false,
  FLOAT: false,
  BOOLEAN: false,
  COMBO: false,
  '*': false,
};

/** Do only nodes make values of this type? Of a union (`IMAGE,MASK`): of all its types? Of types of packs it is not known. */
export const isMadeByNodes = (type: string): boolean =>
  type.split(',').every((part) => {
    const name = part.trim();
    return Object.hasOwn(MADE_BY_NODES, name) && MADE_BY_NODES[name as keyof SocketValues];
  });

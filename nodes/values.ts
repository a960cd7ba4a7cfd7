// What travels along links: the value of each socket type.
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

/** Socket type → value. One more socket type: one line here. */
export interface SocketValues {
  IMAGE: ImageBatch;
  MASK: Mask;
  CLIP: ClipValue;
  MODEL: ModelValue;
  CONDITIONING: Conditioning;
  LATENT: Latent;
  VAE: Vae;
  PEZ_PROMPT: PezPrompt;
  STRING: string;
  INT: number;
  FLOAT: number;
  BOOLEAN: boolean;
  COMBO: string;
  '*': unknown;
}

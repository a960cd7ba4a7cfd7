// What travels along links: the value of each socket type.
import type { Clip } from '../engine/clip/clip.ts';

/** ComfyUI's IMAGE: a batch of pictures of one size, values in [0, 1], float32 [B, H, W, C], C = 3 or 4. */
export interface ImageBatch {
  readonly shape: readonly [batch: number, height: number, width: number, channels: number];
  readonly data: Float32Array;
}

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

/** Socket type → value. One more socket type: one line here. */
export interface SocketValues {
  IMAGE: ImageBatch;
  MASK: Mask;
  CLIP: Clip;
  PEZ_PROMPT: PezPrompt;
  STRING: string;
  INT: number;
  FLOAT: number;
  BOOLEAN: boolean;
  COMBO: string;
  '*': unknown;
}

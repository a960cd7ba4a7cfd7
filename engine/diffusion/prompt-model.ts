// ComfyUI's CLIP of a checkpoint: what turns prompts into conditioning, and the same with its last layers left out.
import { integer } from '../check.ts';
import type { Conditioning } from './conditioning.ts';
import { DEEPEST_STOP } from './hidden-layer.ts';
import { makePromptEncoder, type TextEncoderModel } from './prompt-encoder.ts';

export interface PromptModel {
  readonly name: string;
  readonly encoders: readonly TextEncoderModel[];
  encode(text: string): Promise<Conditioning>;
}

/** Encoders in the order in which their states stand side by side. */
export const makePromptModel = (name: string, encoders: readonly TextEncoderModel[]): PromptModel => ({
  name,
  encoders,
  encode: makePromptEncoder(encoders).encode,
});

/**
 * ComfyUI's CLIPSetLastLayer: −1 takes the states of the last layer, −2 those of the one before it, down to −24. An encoder with fewer layers
 * is read at its end. It shares its sessions with the model that it is made from. Throws OPTION_INVALID; `encode` throws MODEL_UNSUPPORTED if an
 * ONNX export has no output for the layer.
 */
export function withClipSkip({ name, encoders }: PromptModel, stopAtClipLayer: number): PromptModel {
  integer('stop_at_clip_layer', stopAtClipLayer, { min: DEEPEST_STOP, max: -1 });
  return makePromptModel(
    name,
    encoders.map((encoder) => ({ ...encoder, layer: { ...encoder.layer, stopAt: stopAtClipLayer } })),
  );
}

// A part of a file → its parameters by their canonical names, whichever names the file has.
import type { Weights } from '../../safetensors/weights.ts';
import type { Parameters } from '../layers.ts';
import type { Part } from './find-parts.ts';
import { originalUnet } from './original-unet.ts';
import { originalVae } from './original-vae.ts';

/** Parameters of a U-Net or autoencoder. */
export function diffusionParameters(weights: Weights, { part, layout, prefix }: Part): Parameters {
  if (layout === 'original') return part === 'unet' ? originalUnet(weights, prefix) : originalVae(weights, prefix);
  return { source: weights.source, find: (name) => weights.get(prefix + name) };
}

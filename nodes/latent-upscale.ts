// LATENT → LATENT of another size.
import type { Latent } from '../engine/diffusion/latent.ts';
import { upscaleLatent, upscaleMethods } from '../engine/diffusion/upscale.ts';
import { roundHalfEven } from '../engine/image/crop.ts';
import { combo, defineNode, int, port } from './define-node.ts';

/** ComfyUI's: pixels a latent's element stands for, the smallest side, and the largest. */
const SCALE = 8;
const MIN_SIDE = 64;
const MAX_SIDE = 16_384;

const side = (name: string) =>
  int({
    default: 512,
    min: 0,
    max: MAX_SIDE,
    step: 8,
    tooltip: `${name} in pixels, at least ${MIN_SIDE}; 0: whatever keeps the proportions.`,
  });

export const latentUpscale = defineNode({
  type: 'LatentUpscale',
  displayName: 'Upscale Latent',
  category: 'latent',
  description: 'Brings latents to another size; KSampler with a denoise of about 0.5 then fills in what is missing.',
  searchAliases: ['enlarge latent', 'resize latent', 'hires fix'],
  inputs: {
    samples: port('LATENT', { tooltip: 'The latents to resize.' }),
    upscale_method: combo(upscaleMethods, {
      legacyCombo: true,
      tooltip: 'How new elements come from old ones. bislerp turns from one to the next and keeps their length.',
    }),
    width: side('Width'),
    height: side('Height'),
    crop: combo(['disabled', 'center'], {
      legacyCombo: true,
      tooltip:
        'disabled: stretched where the proportions differ. center: nothing is stretched, what sticks out at the edges is cut off.',
    }),
  },
  outputs: { LATENT: port('LATENT', { tooltip: 'The resized latents.' }) },
  memory: (inputs) => {
    const [batch, channels, fromHeight] = inputs.samples.shape;
    const { width, height } = sizeOf(inputs);
    return 4 * batch * channels * width * (height + fromHeight);
  },
  run: (inputs) => {
    const { samples, upscale_method: method, width, height, crop } = inputs;
    if (width === 0 && height === 0) return { LATENT: samples };
    return { LATENT: upscaleLatent(samples, { ...sizeOf(inputs), method, crop }) };
  },
});

/** The size of the result in elements: where a side is 0, the one that keeps the proportions. */
function sizeOf({ samples, width, height }: { samples: Latent; width: number; height: number }) {
  const [, , h, w] = samples.shape;
  const pixels = {
    width: Math.max(MIN_SIDE, width || roundHalfEven((w * height) / h)),
    height: Math.max(MIN_SIDE, height || roundHalfEven((h * width) / w)),
  };
  return { width: Math.floor(pixels.width / SCALE), height: Math.floor(pixels.height / SCALE) };
}

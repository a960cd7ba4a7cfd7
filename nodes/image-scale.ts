// IMAGE → IMAGE of another size.
import { roundHalfEven } from '../engine/image/crop.ts';
import { combo, defineNode, int, port } from './define-node.ts';
import { bytesToResize, resizeBatch, resizeMethods } from './resize.ts';
import type { ImageBatch } from './values.ts';

/** Pixels a side, ComfyUI's bound. */
const MAX_SIDE = 16_384;

export const imageScale = defineNode({
  type: 'ImageScale',
  displayName: 'Upscale Image',
  category: 'image/upscaling',
  description: 'Resizes pictures.',
  searchAliases: ['resize', 'resize image', 'scale image', 'image resize', 'downscale'],
  inputs: {
    image: port('IMAGE', { tooltip: 'The pictures to resize.' }),
    upscale_method: combo(resizeMethods, {
      legacyCombo: true,
      tooltip:
        'How new pixels come from old ones. lanczos is the sharpest; area is good for making pictures smaller; nearest-exact keeps hard pixel edges.',
    }),
    width: int({
      default: 512,
      min: 0,
      max: MAX_SIDE,
      step: 1,
      tooltip: 'Width in pixels. 0: keep the proportions.',
    }),
    height: int({
      default: 512,
      min: 0,
      max: MAX_SIDE,
      step: 1,
      tooltip: 'Height in pixels. 0: keep the proportions.',
    }),
    crop: combo(['disabled', 'center'], {
      legacyCombo: true,
      tooltip:
        'disabled: the whole picture, stretched where the proportions differ. center: nothing is stretched, what sticks out at the edges is cut off.',
    }),
  },
  outputs: { IMAGE: port('IMAGE', { tooltip: 'The resized pictures.' }) },
  memory: (inputs) => (inputs.width || inputs.height ? bytesToResize(inputs.image, sizeOf(inputs)) : 0),
  run: (inputs) => {
    const { image, upscale_method: method, width, height, crop } = inputs;
    if (width === 0 && height === 0) return { IMAGE: image };
    return { IMAGE: resizeBatch(image, { ...sizeOf(inputs), method, crop }) };
  },
});

/** The size of the result: where a side is 0, the one that keeps the proportions. */
function sizeOf({ image, width, height }: { image: ImageBatch; width: number; height: number }) {
  const [, h, w] = image.shape;
  return {
    width: width || Math.max(1, roundHalfEven((w * height) / h)),
    height: height || Math.max(1, roundHalfEven((h * width) / w)),
  };
}

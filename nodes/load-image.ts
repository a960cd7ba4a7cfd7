// Name of a picture in the input folder → IMAGE and MASK.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { batchOf } from '../engine/image/batch.ts';
import { combo, defineNode, port } from './define-node.ts';
import type { Mask } from './values.ts';

export const loadImage = defineNode({
  type: 'LoadImage',
  displayName: 'Load Image',
  category: 'image',
  description: 'Loads a picture from the input folder. Choose one, or drop or paste a file on the node.',
  searchAliases: ['load image', 'open image', 'import image', 'image input', 'upload image', 'read image'],
  inputs: {
    image: combo((sources) => sources.inputImages(), {
      legacyCombo: true,
      image_upload: true,
      tooltip: 'The picture. All frames of an animated GIF or WebP are loaded as a batch.',
    }),
  },
  outputs: {
    IMAGE: port('IMAGE', { tooltip: 'The picture, upright. Its transparency is in the mask.' }),
    MASK: port('MASK', {
      tooltip: 'White where the picture is transparent. Black and 64 × 64 if it has no transparency.',
    }),
  },
  run: async ({ image }, { files, signal }) => {
    const { width, height, colours, alphas } = await files.readPicture(image, { signal });
    return {
      IMAGE: batchOf(colours.map((data) => ({ data, width, height, channels: 3 }))),
      MASK: alphas ? maskOf(alphas, width, height) : opaqueMask(colours.length),
    };
  },
  fingerprint: async ({ image }, { files }) => hashFile(await files.inputPath(image ?? '')),
  validates: ['image'],
  validate: async ({ image }, { files }) => {
    if (image === undefined) return true; // linked: known when the node runs
    try {
      await files.inputPath(image);
      return true;
    } catch {
      return `Invalid image file: ${image}`;
    }
  },
});

/** Alpha of pictures of one size → MASK: 1 − alpha. */
function maskOf(alphas: readonly Uint8Array[], width: number, height: number): Mask {
  const data = new Float32Array(alphas.length * width * height);
  alphas.forEach((alpha, i) => {
    for (let k = 0; k < alpha.length; k++) data[i * alpha.length + k] = 1 - Math.fround(alpha[k] / 255);
  });
  return { shape: [alphas.length, height, width], data };
}

/** ComfyUI's mask of pictures without transparency. */
const opaqueMask = (frames: number): Mask => ({
  shape: [frames, 64, 64],
  data: new Float32Array(frames * 64 * 64),
});

/** SHA-256 of a file, read in pieces. */
async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece);
  return hash.digest('hex');
}

// Two IMAGEs → one batch.
import { joinBatches, makeBatch } from '../engine/image/batch.ts';
import { defineNode, port } from './define-node.ts';
import { bytesToResize, resizeBatch } from './resize.ts';
import type { ImageBatch } from './values.ts';

export const imageBatch = defineNode({
  type: 'ImageBatch',
  displayName: 'Batch Images',
  category: 'image',
  description: 'Puts pictures into one batch. PEZ Invert finds one prompt for a whole batch, such as its style.',
  searchAliases: ['combine images', 'merge images', 'stack images'],
  inputs: {
    image1: port('IMAGE', { tooltip: 'The first pictures. They determine the size.' }),
    image2: port('IMAGE', {
      tooltip: 'The pictures that follow. They are scaled and cropped to the size of the first.',
    }),
  },
  outputs: { IMAGE: port('IMAGE', { tooltip: 'All pictures in one batch.' }) },
  memory: ({ image1, image2 }) => {
    const [batch, height, width] = image1.shape;
    const channels = Math.max(image1.shape[3], image2.shape[3]);
    return bytesToResize(image2, { width, height }) + 4 * (batch + image2.shape[0]) * height * width * channels;
  },
  run: ({ image1, image2 }) => {
    const channels = Math.max(image1.shape[3], image2.shape[3]);
    const first = withChannels(image1, channels);
    const [, height, width] = first.shape;
    const second = withChannels(resizeBatch(image2, { width, height, method: 'bilinear', crop: 'center' }), channels);
    return { IMAGE: joinBatches([first, second]) };
  },
});

/** Adds channels full of 1: a missing alpha is opaque. */
function withChannels(images: ImageBatch, channels: number): ImageBatch {
  const [batch, height, width, own] = images.shape;
  if (own === channels) return images;
  const out = makeBatch([batch, height, width, channels]);
  for (let i = 0; i < batch * height * width; i++)
    for (let c = 0; c < channels; c++) out.data[i * channels + c] = c < own ? images.data[i * own + c] : 1;
  return out;
}

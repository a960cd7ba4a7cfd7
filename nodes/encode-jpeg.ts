// A batch → its first picture as a JPEG file for previews.
import sharp from 'sharp';
import { bytesOf } from '../engine/image/batch.ts';
import type { ImageBatch } from './values.ts';

/** ComfyUI's bound of a preview, px. */
const MAX_SIDE = 512;

/** Encodes the first picture, `enlarge` times as large, within 512 px. */
export async function encodeJpeg(images: ImageBatch, { enlarge = 1 } = {}): Promise<Buffer> {
  const { data, width, height, channels } = bytesOf(images, 0);
  const factor = Math.min(enlarge, MAX_SIDE / Math.max(width, height));
  const size = (side: number) => Math.max(1, Math.round(side * factor));
  return sharp(data, { raw: { width, height, channels } })
    .resize(size(width), size(height), { fit: 'fill', kernel: 'cubic' })
    .flatten({ background: '#ffffff' })
    .jpeg({ quality: 85 })
    .toBuffer();
}

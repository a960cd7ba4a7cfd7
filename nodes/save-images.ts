// What Save Image and Preview Image share: a batch → PNG files with the graph in them → what the front end shows.
import { bytesOf } from '../engine/image/batch.ts';
import type { HiddenValues } from './define-node.ts';
import { addGraph, encodePng } from './encode-png.ts';
import type { FileRef, NodeContext } from './node-context.ts';
import type { ImageBatch } from './values.ts';

export interface SaveImagesRequest {
  readonly images: ImageBatch;
  readonly type: 'output' | 'temp';
  readonly prefix: string;
  readonly prompt: HiddenValues['PROMPT'];
  readonly extraPngInfo: HiddenValues['EXTRA_PNGINFO'];
  /** 0 to 9, as zlib counts. */
  readonly compressionLevel: number;
}

/** Writes one PNG per picture of the batch, in order. */
export async function saveImages(request: SaveImagesRequest, { files, signal }: NodeContext): Promise<FileRef[]> {
  const [batch, height, width] = request.images.shape;
  const encoded: Uint8Array[] = [];
  for (let i = 0; i < batch; i++) {
    signal.throwIfAborted();
    const png = await encodePng(bytesOf(request.images, i), request.compressionLevel);
    encoded.push(files.writeMetadata ? addGraph(png, request) : png);
  }
  const { type, prefix } = request;
  return files.save({ type, prefix, extension: 'png', width, height, files: encoded });
}

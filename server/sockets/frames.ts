// The socket's messages as bytes: JSON text frames, and ComfyUI's binary frames (big-endian) (protocol: Binary frames).
import type { PreviewMessage, TextMessage } from '../../schemas/events.ts';

const PREVIEW_IMAGE = 1;
const TEXT = 3;
const PREVIEW_IMAGE_WITH_METADATA = 4;
const JPEG = 1;
const PNG = 2;

function frame(...parts: readonly (number | string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'string') return Buffer.from(part);
      if (typeof part !== 'number') return part;
      const word = Buffer.alloc(4);
      word.writeUInt32BE(part);
      return word;
    }),
  );
}

/** `[1][1 JPEG, 2 PNG][image]`: what every client understands. */
export const previewFrame = ({ image_type, bytes }: PreviewMessage['data']): Buffer =>
  frame(PREVIEW_IMAGE, image_type === 'image/png' ? PNG : JPEG, bytes);

/** `[4][length of the JSON][JSON: whose preview it is][image]`: for clients that said supports_preview_metadata. */
export function previewWithMetadataFrame({ bytes, ...source }: PreviewMessage['data']): Buffer {
  const json = JSON.stringify(source);
  return frame(PREVIEW_IMAGE_WITH_METADATA, Buffer.byteLength(json), json, bytes);
}

/** `[3][length of the node id][node id][text]`: a line below a node. */
export const textFrame = ({ node_id, text }: TextMessage['data']): Buffer =>
  frame(TEXT, Buffer.byteLength(node_id), node_id, text);

/** `{type, data}` as UTF-8. Integers beyond 2^53 become the nearest number, NaN and infinities null. */
export const jsonFrame = (type: string, data: unknown): Buffer => Buffer.from(stringify({ type, data }));

/** Most messages hold no bigint, and JSON.stringify is five times as fast without a replacer. */
function stringify(message: unknown): string {
  try {
    return JSON.stringify(message);
  } catch {
    return JSON.stringify(message, (_, value) => (typeof value === 'bigint' ? Number(value) : value));
  }
}

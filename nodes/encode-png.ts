// Bytes of a picture → a PNG file, with texts if wanted.
import sharp from 'sharp';
import type { RawImage } from '../engine/image/decode-image.ts';
import type { HiddenValues } from './define-node.ts';
import { addPngText, asciiJson } from './png-text.ts';

/** Encodes the pixels as they are; grey pictures are written as grey. */
export async function encodePng({ data, width, height, channels }: RawImage, compressionLevel = 4): Promise<Buffer> {
  const image = sharp(data, { raw: { width, height, channels } });
  return (channels === 1 ? image.toColourspace('b-w') : image).png({ compressionLevel }).toBuffer();
}

/** Writes the graph into a PNG, where ComfyUI's front end looks for it: `prompt`, and what extra_pnginfo holds (`workflow`). */
export function addGraph(
  png: Uint8Array,
  { prompt, extraPngInfo }: { prompt: HiddenValues['PROMPT']; extraPngInfo: HiddenValues['EXTRA_PNGINFO'] },
): Buffer {
  const extra = Object.entries(extraPngInfo ?? {}).map(([key, value]) => [key, asciiJson(value)]);
  return addPngText(png, { prompt: asciiJson(prompt), ...Object.fromEntries(extra) });
}

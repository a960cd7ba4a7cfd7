// Picture files as front ends want to see them: smaller, without transparency, only the transparency, with a painted mask.
import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { InputError } from '../errors.ts';
import { type ImageInput, openImage } from './decode-image.ts';
import { copyPngText } from './png-text-copy.ts';

/** How a picture is encoded anew. `rgb`: PNG without alpha; `alpha`: PNG, black, with the picture's alpha. */
export type ViewForm =
  | { readonly kind: 'rgb' }
  | { readonly kind: 'alpha' }
  | { readonly kind: 'preview'; readonly format: 'webp' | 'jpeg'; readonly quality: number };

/** Encodes a picture anew, turned upright; of an animation the first frame. Throws IMAGE_UNREADABLE, IMAGE_TOO_LARGE. */
export function encodeView(input: ImageInput, name: string, form: ViewForm): Promise<Buffer> {
  return openImage(input, { name }, async (image) => {
    const upright = image.autoOrient().toColourspace('srgb');
    if (form.kind === 'rgb') return upright.removeAlpha().png().toBuffer();
    if (form.kind === 'alpha') return upright.ensureAlpha().linear([0, 0, 0, 1], [0, 0, 0, 0]).png().toBuffer();
    const { format, quality } = form;
    // JPEG has no transparency: over white, as pictures are shown.
    if (format === 'jpeg') return upright.flatten({ background: '#ffffff' }).jpeg({ quality }).toBuffer();
    return upright.webp({ quality }).toBuffer();
  });
}

/**
 * The original with the mask's alpha in place of its own, as a PNG that keeps the original's PNG texts.
 * Throws IMAGE_UNREADABLE if one is not a picture or their sizes differ, IMAGE_TOO_LARGE.
 */
export async function withAlphaOf(original: string, mask: string): Promise<Buffer> {
  const alpha = await openImage(mask, { name: 'The mask' }, (image) =>
    image
      .autoOrient()
      .toColourspace('srgb')
      .ensureAlpha()
      .extractChannel(3)
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true }),
  );
  const png = await openImage(original, { name: 'The original' }, async (image) => {
    const colours = image.autoOrient().toColourspace('srgb').removeAlpha().raw({ depth: 'uchar' });
    const { data, info } = await colours.toBuffer({ resolveWithObject: true });
    const { width, height } = alpha.info;
    if (info.width !== width || info.height !== height)
      throw new InputError(
        'IMAGE_UNREADABLE',
        `The mask has ${width} × ${height} pixels, but the original ${info.width} × ${info.height}: paint one of its size.`,
      );
    const rgba = sharp(withAlpha(data, alpha.data), { raw: { width, height, channels: 4 } });
    return rgba.png({ compressionLevel: 4 }).toBuffer();
  });
  return copyPngText(await readFile(original), png);
}

/** Grey or RGB pixels + one alpha a pixel → RGBA. */
function withAlpha(colours: Uint8Array, alpha: Uint8Array): Uint8Array {
  const channels = colours.length / alpha.length;
  const rgba = new Uint8Array(alpha.length * 4);
  for (let pixel = 0; pixel < alpha.length; pixel++) {
    for (let c = 0; c < 3; c++) rgba[pixel * 4 + c] = colours[pixel * channels + (channels === 1 ? 0 : c)];
    rgba[pixel * 4 + 3] = alpha[pixel];
  }
  return rgba;
}

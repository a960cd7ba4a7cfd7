// Image file or bytes → its frames as they were drawn, with alpha separate from the colours, which are kept even where they are invisible.
// `decodeImage` gives what models look at; this gives what an editor loads.
import { type ImageInput, openImage } from './decode-image.ts';

/** Frames of one size: RGB, 3 bytes per pixel, and, if the file has transparency, its alpha, 1 byte per pixel. */
export interface Frames {
  readonly width: number;
  readonly height: number;
  readonly colours: readonly Uint8Array[];
  readonly alphas: readonly Uint8Array[] | undefined;
}

/** Formats whose frames have one size by definition. */
const ANIMATED = ['gif', 'webp'];

/** Decodes an image, all frames of an animated GIF or WebP. Throws IMAGE_UNREADABLE or IMAGE_TOO_LARGE. */
export async function decodeFrames(input: ImageInput, name: string): Promise<Frames> {
  const animated = await openImage(
    input,
    { name },
    async (_, { format, pages = 1 }) => pages > 1 && ANIMATED.includes(format),
  );
  return openImage(input, { name, allPages: animated }, async (image, { format, hasAlpha, pages = 1 }) => {
    const upright = animated ? image : image.autoOrient();
    const { data, info } = await upright
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const frames = animated ? pages : 1;
    const height = info.height / frames;
    const pixels = info.width * height;
    const each = Array.from({ length: frames }, (_, i) =>
      data.subarray(i * pixels * info.channels, (i + 1) * pixels * info.channels),
    );
    const alphas = hasAlpha && info.channels % 2 === 0 ? each.map((frame) => alphaOf(frame, info.channels)) : undefined;
    // libvips gives every animated GIF an alpha channel, whether it uses transparency or not.
    const unused = format === 'gif' && alphas?.every((alpha) => alpha.every((value) => value === 255));
    return {
      width: info.width,
      height,
      colours: each.map((frame) => coloursOf(frame, info.channels)),
      alphas: unused ? undefined : alphas,
    };
  });
}

/** Grey, grey + alpha, RGB or RGBA → RGB. */
function coloursOf(frame: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return frame;
  const out = new Uint8Array((frame.length / channels) * 3);
  const step = channels === 4 ? 1 : 0;
  for (let i = 0, from = 0; i < out.length; i += 3, from += channels) {
    out[i] = frame[from];
    out[i + 1] = frame[from + step];
    out[i + 2] = frame[from + 2 * step];
  }
  return out;
}

const alphaOf = (frame: Uint8Array, channels: number): Uint8Array =>
  Uint8Array.from({ length: frame.length / channels }, (_, i) => frame[i * channels + channels - 1]);

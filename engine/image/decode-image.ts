// Image file or bytes → upright RGB pixels: EXIF orientation applied, transparency over white, greyscale, CMYK and
// 16 bits converted, the first frame of an animation. Limits are checked on the header, before anything is decoded.
import { readFile, stat } from 'node:fs/promises';
import sharp from 'sharp';
import { InputError } from '../errors.ts';
import { kindOf, PICTURE_KINDS } from './picture-kind.ts';
import type { Pixels } from './resample.ts';

/** Decoded pixels, row by row: 1 (grey), 3 (RGB) or 4 (RGBA) bytes per pixel. */
export interface RawImage {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
}

/** A path, the bytes of an encoded file, or pixels. */
export type ImageInput = string | Uint8Array | RawImage;

/** 256 MiB: above what cameras write; only uncompressed scans are larger. */
const MAX_FILE_BYTES = 256 * 2 ** 20;
/** 128 megapixels: above today's cameras; 384 MB once decoded. */
const MAX_PIXELS = 128e6;
/** Longest side: keeps row buffers and filter tables small. */
const MAX_SIDE = 65_535;

/** Decodes an image; RGB pixels are taken as they are, not copied. Throws IMAGE_UNREADABLE or IMAGE_TOO_LARGE; `name` is what messages call it. */
export async function decodeImage(input: ImageInput, name = nameOf(input)): Promise<Pixels> {
  if (isRaw(input) && input.channels !== 4) {
    checkRaw(input, name);
    const { data, width, height, channels } = input;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
    return { data: channels === 3 ? bytes : greyToRgb(bytes, 1), width, height };
  }
  return openImage(input, { name }, async (image) => {
    const { data, info } = await image
      .autoOrient()
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return {
      data: info.channels === 3 ? data : greyToRgb(data, info.channels),
      width: info.width,
      height: info.height,
    };
  });
}

const isRaw = (input: ImageInput): input is RawImage => typeof input !== 'string' && !(input instanceof Uint8Array);

type Sharp = ReturnType<typeof sharp>;

/**
 * Passes an image to `work` once its kind and size have been checked; `allPages`: every frame of an animation, one below
 * the other. Whatever fails there becomes IMAGE_UNREADABLE or IMAGE_TOO_LARGE.
 */
export async function openImage<T>(
  input: ImageInput,
  { name, allPages = false }: { name: string; allPages?: boolean },
  work: (image: Sharp, metadata: Awaited<ReturnType<Sharp['metadata']>>) => Promise<T>,
): Promise<T> {
  const raw = isRaw(input) ? input : undefined;
  if (raw) checkRaw(raw, name);
  const bytes = typeof input === 'string' ? await readImage(input) : isRaw(input) ? input.data : input;
  if (bytes.byteLength > MAX_FILE_BYTES && !raw) throw tooManyBytes(name, bytes.byteLength);
  if (bytes.byteLength === 0) throw new InputError('IMAGE_UNREADABLE', `${name} is empty.`);
  if (!raw && kindOf(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)) === undefined)
    throw new InputError(
      'IMAGE_UNREADABLE',
      `${name} is not an image that can be read. Convert it to one of these: ${PICTURE_KINDS.join(', ')}.`,
    );
  try {
    const image = sharp(bytes, {
      limitInputPixels: MAX_PIXELS,
      failOn: 'error', // cut-off and damaged files fail; warnings (odd metadata) do not
      pages: allPages ? -1 : 1,
      ...(raw && { raw: { width: raw.width, height: raw.height, channels: raw.channels } }),
    });
    const meta = await image.metadata();
    checkSize(meta.width, meta.pageHeight ?? meta.height, name);
    return await work(image, meta);
  } catch (error) {
    if (error instanceof InputError) throw error;
    const why = (error as Error).message.split('\n')[0].trim();
    if (/pixel limit/i.test(why))
      throw new InputError('IMAGE_TOO_LARGE', `${name} has more than ${MAX_PIXELS / 1e6} million pixels.`);
    throw new InputError('IMAGE_UNREADABLE', `${name} is not an image that can be read, or it is damaged (${why}).`, {
      cause: error,
    });
  }
}

const nameOf = (input: ImageInput): string => (typeof input === 'string' ? input : 'The image');

/** Reads a file after checking its kind and size. */
async function readImage(path: string): Promise<Uint8Array> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) throw new InputError('IMAGE_UNREADABLE', `${path} is a directory, not an image file.`);
    if (info.size > MAX_FILE_BYTES) throw tooManyBytes(path, info.size);
    return await readFile(path);
  } catch (error) {
    if (error instanceof InputError) throw error;
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = missing ? 'there is no such file' : (error as Error).message;
    throw new InputError('IMAGE_UNREADABLE', `Cannot read the image ${path}: ${why}.`, { cause: error });
  }
}

function checkRaw({ data, width, height, channels }: RawImage, name: string): void {
  checkSize(width, height, name);
  if (data.length !== width * height * channels)
    throw new InputError(
      'IMAGE_UNREADABLE',
      `${name} has ${data.length} numbers, but ${width} × ${height} pixels of ${channels} channels take ${width * height * channels}.`,
    );
}

function checkSize(width: number, height: number, name: string): void {
  if (!(width > 0 && height > 0))
    throw new InputError('IMAGE_UNREADABLE', `${name} has ${width} × ${height} pixels: it is empty.`);
  if (width * height > MAX_PIXELS || Math.max(width, height) > MAX_SIDE)
    throw new InputError(
      'IMAGE_TOO_LARGE',
      `${name} has ${width} × ${height} pixels; the limit is ${MAX_PIXELS / 1e6} million, and ${MAX_SIDE} a side.`,
    );
}

const tooManyBytes = (name: string, size: number): InputError =>
  new InputError('IMAGE_TOO_LARGE', `${name} has ${size} bytes; the limit is ${MAX_FILE_BYTES}.`);

function greyToRgb(data: Uint8Array, channels: number): Uint8Array {
  const rgb = new Uint8Array((data.length / channels) * 3);
  for (let i = 0; i < data.length / channels; i++) rgb.fill(data[i * channels], i * 3, i * 3 + 3);
  return rgb;
}

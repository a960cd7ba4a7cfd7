// First bytes of a file → what kind of picture it is. Only these kinds are decoded, whatever else sharp could read: SVG above
// all is a program that draws, and 400 bytes of it can ask for minutes and gigabytes.

const text = (bytes: Uint8Array, from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to));

/** Kind → whether a file begins as its files do. */
const KINDS: Readonly<Record<string, (bytes: Uint8Array) => boolean>> = {
  PNG: (bytes) => text(bytes, 0, 8) === '\x89PNG\r\n\x1a\n',
  JPEG: (bytes) => text(bytes, 0, 3) === '\xff\xd8\xff',
  WebP: (bytes) => text(bytes, 0, 4) === 'RIFF' && text(bytes, 8, 12) === 'WEBP',
  GIF: (bytes) => ['GIF87a', 'GIF89a'].includes(text(bytes, 0, 6)),
  TIFF: (bytes) => ['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].includes(text(bytes, 0, 4)),
  AVIF: (bytes) => text(bytes, 4, 8) === 'ftyp',
};

/** The kinds that are read, for messages. */
export const PICTURE_KINDS = Object.keys(KINDS);

/** A key of the table above, or undefined if the file is none of them. */
export const kindOf = (bytes: Uint8Array): string | undefined => PICTURE_KINDS.find((kind) => KINDS[kind](bytes));

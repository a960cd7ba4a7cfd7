// float16, bfloat16 and the two 8-bit floats as the bits that tensors hold ↔ numbers.

/** Numbers → the bits of the nearest float16 (ties to even); what is too large becomes infinite. */
export const toHalfBits = (values: Float32Array): Uint16Array =>
  Uint16Array.from(new Uint32Array(values.slice().buffer), floatToHalf);

/** Numbers → the bits of the nearest bfloat16 (ties to even). */
export const toBfloatBits = (values: Float32Array): Uint16Array =>
  Uint16Array.from(new Uint32Array(values.slice().buffer), floatToBfloat);

/** IEEE 754 binary16 → number. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** bfloat16 is the upper half of a float32. */
export const bfloatToNumber = (bits: number): number => floatOf(bits << 16);

/** 8 bits with 4 for the exponent: no infinities, and NaN where all but the sign are 1 (Micikevicius et al. 2022, arXiv 2209.05433). */
export function e4m3ToNumber(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits >> 3) & 0xf;
  const fraction = bits & 0x7;
  if (exponent === 0) return sign * fraction * 2 ** -9;
  if (exponent === 15 && fraction === 7) return Number.NaN;
  return sign * (1 + fraction / 8) * 2 ** (exponent - 7);
}

/** 8 bits with 5 for the exponent: the upper half of a float16. */
export const e5m2ToNumber = (bits: number): number => halfToNumber(bits << 8);

export type NarrowFloat = 'float16' | 'bfloat16' | 'float8e4m3fn' | 'float8e5m2';

const DECODERS: Readonly<
  Record<NarrowFloat, { readonly decode: (bits: number) => number; readonly patterns: number }>
> = {
  float16: { decode: halfToNumber, patterns: 2 ** 16 },
  bfloat16: { decode: bfloatToNumber, patterns: 2 ** 16 },
  float8e4m3fn: { decode: e4m3ToNumber, patterns: 2 ** 8 },
  float8e5m2: { decode: e5m2ToNumber, patterns: 2 ** 8 },
};

const tables = new Map<NarrowFloat, Float32Array>();

/** The number of each pattern of a type, by its bits: models have a hundred million of them. */
export function numbersOfBits(type: NarrowFloat): Float32Array {
  const { decode, patterns } = DECODERS[type];
  const table = tables.get(type) ?? Float32Array.from({ length: patterns }, (_, bits) => decode(bits));
  tables.set(type, table);
  return table;
}

/** True for the types of fewer bits than float32. */
export const isNarrow = (type: string): type is NarrowFloat => Object.hasOwn(DECODERS, type);

/** Bits of a float32 → bits of the nearest float16 (IEEE 754, ties to even). */
function floatToHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7e00; // no number
  if (size >= 0x47800000) return sign | 0x7c00; // 65,536 and more
  // Below 2^-14 halves are multiples of 2^-24, as float32 is beside 0.5: there it rounds.
  if (size < 0x38800000) return sign | ((Math.fround(floatOf(size) + 0.5) - 0.5) * 2 ** 24);
  const rounded = size + 0xfff + ((size >>> 13) & 1); // a carry moves into the exponent, as it should
  return sign | ((rounded - 0x38000000) >>> 13);
}

const word = new DataView(new ArrayBuffer(4));

function floatOf(bits: number): number {
  word.setUint32(0, bits);
  return word.getFloat32(0);
}

/** Bits of a float32 → bits of the nearest bfloat16 (ties to even). */
function floatToBfloat(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40; // not a number, and still not after the cut
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

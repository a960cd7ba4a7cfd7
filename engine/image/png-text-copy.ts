// The texts of one PNG into another: a masked picture keeps the graph that made it.

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Signature and IHDR. */
const HEADER_BYTES = 33;
const TEXT_CHUNKS = ['tEXt', 'zTXt', 'iTXt'];

/** `to` with the text chunks of `from`, byte for byte; `to` as it is where `from` is no PNG. */
export function copyPngText(from: Buffer, to: Buffer): Buffer {
  if (!from.subarray(0, SIGNATURE.length).equals(SIGNATURE)) return to;
  const texts: Buffer[] = [];
  for (let at = SIGNATURE.length; at + 12 <= from.length; ) {
    const end = at + 12 + from.readUInt32BE(at);
    if (end > from.length) break;
    if (TEXT_CHUNKS.includes(from.toString('latin1', at + 4, at + 8))) texts.push(from.subarray(at, end));
    at = end;
  }
  return Buffer.concat([to.subarray(0, HEADER_BYTES), ...texts, to.subarray(HEADER_BYTES)]);
}

// PNG bytes + texts → PNG bytes with one tEXt chunk a text, which sharp cannot write.
// https://www.w3.org/TR/png-3/#11tEXt: keyword, a zero byte, the text in Latin-1.
import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Signature (8) and IHDR (4 length + 4 type + 13 data + 4 check). */
const HEADER_BYTES = 33;

/** Inserts the texts behind the header. Keywords and texts have to be ASCII: see `asciiJson`. */
export function addPngText(png: Uint8Array, texts: Readonly<Record<string, string>>): Buffer {
  const chunks = Object.entries(texts).map(([keyword, text]) => textChunk(keyword, text));
  return Buffer.concat([png.subarray(0, HEADER_BYTES), ...chunks, png.subarray(HEADER_BYTES)]);
}

function textChunk(keyword: string, text: string): Buffer {
  const body = Buffer.from(`tEXt${cleanKeyword(keyword)}\0${text}`, 'latin1');
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(body.length - 4, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return chunk;
}

/** PNG allows 1 to 79 printable characters. */
const cleanKeyword = (keyword: string): string =>
  keyword
    .replace(/[^ -~]/g, '_')
    .trim()
    .slice(0, 79) || 'text';

/** JSON in ASCII only, so that readers agree on it whether they take tEXt for Latin-1 or UTF-8. Big integers stay whole. */
export function asciiJson(value: unknown): string {
  const mark = randomUUID(); // stands before a big integer; JSON.rawJSON would do, from Node 22 on
  const json = JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${mark}${v}` : v)) ?? 'null';
  return json
    .replaceAll(new RegExp(`"${mark}(-?\\d+)"`, 'g'), '$1')
    .replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

// Numbers and contents → protobuf fields, byte by byte: for files that no encoder would write.

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

/** A field of a number, a text, or a message or bytes; several parts are put one after the other. */
export function field(number: number, ...content: readonly (number | string | Uint8Array)[]): Buffer {
  if (typeof content[0] === 'number') return Buffer.concat([varint(number * 8), varint(content[0])]);
  const bytes = Buffer.concat(
    content.map((part) => (typeof part === 'string' ? Buffer.from(part) : (part as Uint8Array))),
  );
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

/** A TensorProto of one float whose bytes lie in another file. */
export const externalTensor = (name: string, location: string): Buffer =>
  Buffer.concat([
    field(1, 1),
    field(2, 1),
    field(8, name),
    field(13, field(1, 'location'), field(2, location)),
    field(13, field(1, 'length'), field(2, '4')),
    field(14, 1),
  ]);

/** The model with one more initialiser for each of these files (parts of a message that stand apart are one message). */
export const withExternalData = (model: Uint8Array, ...locations: readonly string[]): Buffer =>
  Buffer.concat([model, field(7, ...locations.map((location) => field(5, externalTensor(location, location))))]);

// The bytes of a PNG → the graph that made it, where it carries one (docs/protocol.md: Picture metadata).
import type { ApiGraph } from '../../../schemas/prompt.ts';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Chunks that are looked at, so that a damaged file cannot keep the page busy. */
const MAX_CHUNKS = 10_000;

/** The graph in API format, or undefined if the file is no PNG or has none. */
export function graphOfPng(bytes: Uint8Array): ApiGraph | undefined {
  if (!SIGNATURE.every((byte, i) => bytes[i] === byte)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const latin1 = new TextDecoder('latin1');
  let at = SIGNATURE.length;
  for (let chunk = 0; chunk < MAX_CHUNKS && at + 12 <= bytes.length; chunk++) {
    const length = view.getUint32(at);
    if (at + 12 + length > bytes.length) return undefined;
    const data = bytes.subarray(at + 8, at + 8 + length);
    const type = latin1.decode(bytes.subarray(at + 4, at + 8));
    if (type === 'tEXt' && latin1.decode(data.subarray(0, 7)) === 'prompt\0')
      return parseGraph(latin1.decode(data.subarray(7)));
    if (type === 'IDAT') return undefined; // texts stand before the picture
    at += 12 + length;
  }
  return undefined;
}

/** JSON → a graph in API format, if it is one. */
export function parseGraph(text: string): ApiGraph | undefined {
  try {
    const graph = JSON.parse(text) as ApiGraph;
    const nodes = Object.values(graph);
    const isGraph =
      nodes.length > 0 && nodes.every((n) => typeof n?.class_type === 'string' && typeof n.inputs === 'object');
    return isGraph ? graph : undefined;
  } catch {
    return undefined;
  }
}

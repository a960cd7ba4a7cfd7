// Binary frames of the socket → previews and lines of text (docs/protocol.md: Binary frames).

export type Frame =
  | { readonly kind: 'preview'; readonly promptId: string; readonly nodeId: string; readonly picture: Blob }
  | { readonly kind: 'text'; readonly nodeId: string; readonly text: string };

const TEXT = 3;
const PREVIEW = 4;

/** A frame that this page knows, or undefined. Frames that are too short are none. */
export function readFrame(bytes: ArrayBuffer): Frame | undefined {
  if (bytes.byteLength < 8) return undefined;
  const view = new DataView(bytes);
  const type = view.getUint32(0);
  const length = view.getUint32(4);
  if (length > bytes.byteLength - 8) return undefined;
  const head = new TextDecoder().decode(new Uint8Array(bytes, 8, length));
  const rest = bytes.slice(8 + length);
  if (type === TEXT) return { kind: 'text', nodeId: head, text: new TextDecoder().decode(rest) };
  if (type !== PREVIEW) return undefined;
  const meta = JSON.parse(head) as { prompt_id: string; display_node_id: string; image_type: string };
  return {
    kind: 'preview',
    promptId: meta.prompt_id,
    nodeId: meta.display_node_id,
    picture: new Blob([rest], { type: meta.image_type }),
  };
}

// What a decoder process can be asked, and what it answers: pixels, or a picture encoded anew.
import { decodeFrames, type Frames } from './decode-frames.ts';
import type { ViewForm } from './view-picture.ts';
import { encodeView, withAlphaOf } from './view-picture.ts';

/** A path, or the bytes of a picture's file in base64. */
export type PictureSource = { readonly path: string } | { readonly base64: string };

/** `name` is what messages call the picture. */
export type DecoderTask =
  | { readonly kind: 'frames'; readonly path: string; readonly name: string }
  | { readonly kind: 'view'; readonly source: PictureSource; readonly name: string; readonly form: ViewForm }
  | { readonly kind: 'alpha'; readonly original: string; readonly mask: string };

/** JSON that says what the bytes are. For an encoded picture that is nothing, for frames their size and count. */
export interface DecoderResult {
  readonly info: Readonly<Record<string, unknown>>;
  readonly bytes: readonly Uint8Array[];
}

/** Runs in the decoder process. Throws IMAGE_UNREADABLE, IMAGE_TOO_LARGE. */
export async function runTask(task: DecoderTask): Promise<DecoderResult> {
  switch (task.kind) {
    case 'frames': {
      const { width, height, colours, alphas = [] } = await decodeFrames(task.path, task.name);
      return {
        info: { width, height, frames: colours.length, hasAlpha: alphas.length > 0 },
        bytes: [...colours, ...alphas],
      };
    }
    case 'view': {
      const { source } = task;
      const input = 'path' in source ? source.path : Buffer.from(source.base64, 'base64');
      return { info: {}, bytes: [await encodeView(input, task.name, task.form)] };
    }
    case 'alpha':
      return { info: {}, bytes: [await withAlphaOf(task.original, task.mask)] };
  }
}

/** The answer to `frames`, in one piece as it came over the pipe → views of its frames. */
export function framesOf(info: DecoderResult['info'], bytes: Buffer): Frames {
  const { width, height, frames, hasAlpha } = info as {
    width: number;
    height: number;
    frames: number;
    hasAlpha: boolean;
  };
  const pixels = width * height;
  const views = (from: number, size: number) =>
    Array.from({ length: frames }, (_, i) => bytes.subarray(from + i * size, from + (i + 1) * size));
  return {
    width,
    height,
    colours: views(0, 3 * pixels),
    alphas: hasAlpha ? views(3 * pixels * frames, pixels) : undefined,
  };
}

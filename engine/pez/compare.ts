// Pictures and texts, compared with pictures and texts → the matrix of their cosines.
import type { Clip } from '../clip/clip.ts';
import { cosine } from '../vector.ts';
import { type Embeddable, embedAll } from './embed.ts';

/**
 * Cosines of every item of `left` (rows) with every item of `right` (columns), from −1 to 1.
 * A text longer than the context is embedded in chunks (see embedAll). Throws OPTION_INVALID, IMAGE_UNREADABLE,
 * IMAGE_TOO_LARGE; the signal's reason if it is aborted, since half a matrix is of no use.
 */
export async function compareAll(
  clip: Clip,
  left: readonly Embeddable[],
  right: readonly Embeddable[],
  signal?: AbortSignal,
): Promise<number[][]> {
  const rows = await embedAll(clip, left, signal);
  const columns = await embedAll(clip, right, signal);
  return rows.map((row) => columns.map((column) => cosine(row, column)));
}

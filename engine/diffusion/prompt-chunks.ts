// A prompt → windows of tokens with their weights, each as long as the text encoder reads (77): ComfyUI's way of chunking.
import type { Tokenizer } from '../clip/tokenizer.ts';
import { parseWeights } from './prompt-weights.ts';

export interface WeightedToken {
  readonly id: number;
  readonly weight: number;
}

/** Pieces of at least this many tokens are split at the end of a window; shorter ones move to the next. */
const LONG_PIECE = 8;

/** Cuts a prompt into framed and padded windows of `contextLength` tokens; one window for an empty prompt. */
export function chunkPrompt(prompt: string, tokenizer: Tokenizer): WeightedToken[][] {
  const { contextLength } = tokenizer;
  const [start, end] = [tokenizer.frame([])[0], tokenizer.endId].map((id): WeightedToken => ({ id, weight: 1 }));
  const chunks = [[start]];
  const room = () => contextLength - 1 - chunks[chunks.length - 1].length;
  const add = (tokens: readonly WeightedToken[]) => chunks[chunks.length - 1].push(...tokens);
  const tearable = Math.min(LONG_PIECE, contextLength - 1);
  for (const piece of weightedPieces(prompt, tokenizer)) {
    let rest = piece;
    while (rest.length > room()) {
      if (piece.length >= tearable) {
        const fitting = room();
        add(rest.slice(0, fitting));
        rest = rest.slice(fitting);
      }
      chunks.push([start]);
    }
    add(rest);
  }
  const padding: WeightedToken = { id: tokenizer.padId, weight: 1 };
  return chunks.map((chunk) => [...chunk, end, ...Array(contextLength - chunk.length - 1).fill(padding)]);
}

/** The window of the empty prompt, from which weights interpolate. */
export const emptyChunk = (tokenizer: Tokenizer): WeightedToken[] => chunkPrompt('', tokenizer)[0];

/** The tokens of each piece of one weight. */
function weightedPieces(prompt: string, tokenizer: Tokenizer): WeightedToken[][] {
  return parseWeights(prompt).map(({ text, weight }) => tokenizer.encode(text).map((id) => ({ id, weight })));
}

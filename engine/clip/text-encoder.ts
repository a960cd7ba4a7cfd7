// Texts or token rows → unit embeddings [P] through the text tower's ONNX file.
import * as ort from 'onnxruntime-node';
import { InputError } from '../errors.ts';
import type { Session } from '../onnx/session.ts';
import type { Tokenizer } from './tokenizer.ts';
import { embed, embeddingOutput, rowsAtOnce, sessionFor, type TowerPlace } from './tower.ts';

export interface TextEncoder {
  /** P, from the model's configuration; if it does not say, a short text is embedded once to find out. */
  dim(): Promise<number>;
  /**
   * Embeds texts as the hub's pipelines do: framed, and padded to the full context. Unit length, [P] each.
   * Throws OPTION_INVALID for a text of more tokens than the context holds.
   */
  encode(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]>;
  /** Embeds rows of equal length, special tokens included, as they are: no padding. Unit length, [P] each. */
  encodeFramed(rows: readonly (readonly number[])[]): Promise<Float32Array[]>;
}

/** Rows in one run: enough to keep the cores busy, few enough for the activations of the large towers. */
const MAX_BATCH = 32;

interface Row {
  readonly ids: readonly number[];
  /** Tokens before the padding. */
  readonly length: number;
}

/** Which output of a text tower is its embedding [B, P]. Throws MODEL_UNSUPPORTED. */
export const textOutputOf = (names: readonly string[], path = 'The text tower'): string =>
  embeddingOutput('text', names, path);

/** The encoder of a text tower; its session is made at the first call. `configuredDim`: P, if the configuration has it. */
export function makeTextEncoder(place: TowerPlace, tokenizer: Tokenizer, configuredDim?: number): TextEncoder {
  let dim = configuredDim;
  const run = async (rows: readonly Row[], signal?: AbortSignal): Promise<Float32Array[]> => {
    const vectors: Float32Array[] = [];
    if (rows.length === 0) return vectors;
    signal?.throwIfAborted();
    const session = await sessionFor(place);
    const batch = rowsAtOnce(session, MAX_BATCH);
    for (let i = 0; i < rows.length; i += batch) {
      signal?.throwIfAborted();
      const feeds = feedsOf(session, rows.slice(i, i + batch), place.path);
      vectors.push(...(await embed({ tower: 'text', ...place, session, feeds })));
    }
    dim = vectors[0]?.length ?? dim;
    return vectors;
  };
  const encode: TextEncoder['encode'] = async (texts, signal) =>
    run(
      texts.map((text) => pad(frameText(text, tokenizer), tokenizer)),
      signal,
    );
  return {
    dim: async () => dim ?? (await encode(['a']))[0].length,
    encode,
    encodeFramed: async (rows) => {
      const length = rows[0]?.length ?? 0;
      if (rows.some((row) => row.length !== length)) throw new TypeError('encodeFramed needs rows of equal length');
      return run(rows.map((ids) => ({ ids, length: ids.length })));
    },
  };
}

function frameText(text: string, tokenizer: Tokenizer): number[] {
  const content = tokenizer.encode(text);
  const framed = tokenizer.frame(content);
  if (framed.length <= tokenizer.contextLength) return framed;
  const room = tokenizer.contextLength - (framed.length - content.length);
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  throw new InputError(
    'OPTION_INVALID',
    `The text "${shown}" has ${content.length} tokens; the model reads at most ${room}.`,
  );
}

function pad(ids: readonly number[], { contextLength, padId }: Tokenizer): Row {
  return { ids: [...ids, ...new Array<number>(contextLength - ids.length).fill(padId)], length: ids.length };
}

/** Feeds for whatever inputs the export declares. */
function feedsOf(session: Session, rows: readonly Row[], path: string): Record<string, ort.Tensor> {
  const dims = [rows.length, rows[0].ids.length];
  const values: Record<string, (row: Row) => readonly number[]> = {
    input_ids: (row) => row.ids,
    attention_mask: (row) => row.ids.map((_, i) => (i < row.length ? 1 : 0)),
    position_ids: (row) => row.ids.map((_, i) => i),
    token_type_ids: (row) => row.ids.map(() => 0),
  };
  const feeds: Record<string, ort.Tensor> = {};
  for (const input of session.inputMetadata) {
    const value = values[input.name];
    if (!value || !input.isTensor)
      throw new InputError(
        'MODEL_UNSUPPORTED',
        `${path} asks for the input "${input.name}", which is not one of a text tower's (${Object.keys(values).join(', ')}).`,
      );
    const numbers = rows.flatMap(value);
    feeds[input.name] =
      input.type === 'int32'
        ? new ort.Tensor('int32', Int32Array.from(numbers), dims)
        : new ort.Tensor('int64', BigInt64Array.from(numbers, BigInt), dims);
  }
  return feeds;
}

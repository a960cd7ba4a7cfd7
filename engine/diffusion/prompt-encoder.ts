// A text → Conditioning: one encoder or, for SDXL, two side by side, with ComfyUI's weights and windows.
import { invalidCount } from '../check.ts';
import type { Tokenizer } from '../clip/tokenizer.ts';
import { InputError } from '../errors.ts';
import type { Conditioning } from './conditioning.ts';
import { type LayerChoice, statesOutput } from './hidden-layer.ts';
import { type Feeds, numbersAs, type OnnxModel } from './onnx-model.ts';
import { chunkPrompt, emptyChunk, type WeightedToken } from './prompt-chunks.ts';

export interface TextEncoderModel {
  readonly model: OnnxModel;
  readonly layer: LayerChoice;
  /** Reads the tokenizer's files at the first call. */
  readonly tokenizer: () => Promise<Tokenizer>;
}

export interface PromptEncoder {
  /** Text → conditioning of one part, of 77·n tokens. Throws OPTION_INVALID for a text that is absurdly long. */
  encode(text: string): Promise<Conditioning>;
}

/** Windows in one prompt: a limit for texts from strangers. */
const MAX_CHUNKS = 64;
const MAX_CHARACTERS = 100_000;

interface Encoded {
  /** [chunks · context, width] */
  readonly states: Float32Array;
  readonly width: number;
  readonly length: number;
  readonly pooled?: Float32Array;
}

/** Encoders in the order of the checkpoint: their states stand side by side. */
export function makePromptEncoder(encoders: readonly TextEncoderModel[]): PromptEncoder {
  return {
    encode: async (text) => {
      if (text.length > MAX_CHARACTERS)
        throw invalidCount('The prompt', `at most ${MAX_CHARACTERS} characters`, text.length);
      const encoded: Encoded[] = [];
      for (const encoder of encoders) encoded.push(await encodeWith(encoder, text));
      return [sideBySide(encoded)];
    },
  };
}

async function encodeWith({ model, tokenizer, layer }: TextEncoderModel, text: string): Promise<Encoded> {
  const words = await tokenizer();
  const chunks = chunkPrompt(text, words);
  if (chunks.length > MAX_CHUNKS)
    throw invalidCount('The prompt', `at most ${MAX_CHUNKS} windows of ${words.contextLength} tokens`, chunks.length);
  const weighted = chunks.some((chunk) => chunk.some(({ weight }) => weight !== 1));
  const rows = weighted ? [...chunks, emptyChunk(words)] : chunks;
  const session = await model.session();
  const statesName = statesOutput(session.outputNames, layer, model.path);
  const names = [statesName, ...session.outputNames.filter((name) => name === 'text_embeds')];
  const [states, pooled] = await model.run(feedsOf(await model.inputs(), rows, model.path), names);
  const [, length, width] = states.dims;
  if (states.dims.length !== 3 || length !== words.contextLength)
    throw new InputError(
      'MODEL_UNSUPPORTED',
      `${model.path}: "${statesName}" is [${states.dims}]; [batch, tokens, width] is needed.`,
    );
  const size = chunks.length * length * width;
  if (weighted) applyWeights(states.data, chunks.flat(), { length, width, empty: states.data.subarray(size) });
  return {
    states: states.data.slice(0, size),
    length: chunks.length * length,
    width,
    // Of several windows only the first counts, as in ComfyUI.
    pooled: pooled?.data.slice(0, pooled.dims[1]),
  };
}

interface Grid {
  readonly length: number;
  readonly width: number;
  /** The empty prompt's states [length, width]. */
  readonly empty: Float32Array;
}

/** z ← empty + weight · (z − empty), for the tokens whose weight is not 1. In place. */
function applyWeights(states: Float32Array, tokens: readonly WeightedToken[], { length, width, empty }: Grid): void {
  tokens.forEach(({ weight }, token) => {
    if (weight === 1) return;
    const at = token * width;
    const from = (token % length) * width;
    for (let i = 0; i < width; i++) states[at + i] = empty[from + i] + weight * (states[at + i] - empty[from + i]);
  });
}

/** Widths added up, lengths cut to the shortest; the pooled embedding is the last encoder's. */
function sideBySide(encoded: readonly Encoded[]) {
  if (encoded.length === 1) {
    const { states, length, width, pooled } = encoded[0];
    return { states, length, width, ...(pooled && { pooled }) };
  }
  const length = Math.min(...encoded.map((e) => e.length));
  const width = encoded.reduce((sum, e) => sum + e.width, 0);
  const states = new Float32Array(length * width);
  let column = 0;
  for (const e of encoded) {
    for (let row = 0; row < length; row++)
      states.set(e.states.subarray(row * e.width, (row + 1) * e.width), row * width + column);
    column += e.width;
  }
  return { states, length, width, pooled: encoded[encoded.length - 1].pooled };
}

interface Input {
  readonly name: string;
  readonly isTensor: boolean;
}

function feedsOf(inputs: readonly Input[], rows: readonly WeightedToken[][], path: string): Feeds {
  const dims = [rows.length, rows[0].length];
  const values: Record<string, () => number[]> = {
    input_ids: () => rows.flat().map(({ id }) => id),
    attention_mask: () => rows.flat().map(() => 1), // Stable Diffusion was trained without a mask
    position_ids: () => rows.flatMap((row) => row.map((_, i) => i)),
  };
  return Object.fromEntries(
    inputs.map((input) => {
      if (!Object.hasOwn(values, input.name))
        throw new InputError(
          'MODEL_UNSUPPORTED',
          `${path} asks for the input "${input.name}", which is not one of a text encoder's (${Object.keys(values).join(', ')}).`,
        );
      const { type } = input as Input & { type: string };
      return [input.name, numbersAs(type, values[input.name](), dims)];
    }),
  );
}

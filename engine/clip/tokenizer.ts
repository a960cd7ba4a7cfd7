// tokenizer.json + tokenizer_config.json → text to token ids and back, with the facts the search needs about each token.
import { join } from 'node:path';
import type { PreTrainedTokenizer } from '@xenova/transformers';
import { invalidCount } from '../check.ts';
import { InputError } from '../errors.ts';
import type { ClipConfig, ClipLayout } from '../hub/clip-layouts/layout.ts';
import { transformersJs } from '../hub/clip-layouts/transformers-js.ts';
import { readJson } from '../hub/read-json.ts';
import { tidySpaces } from './tidy-spaces.ts';

export interface Tokenizer {
  readonly vocabSize: number;
  /** Positions that the text tower reads, special tokens included. */
  readonly contextLength: number;
  readonly startId: number | undefined;
  readonly endId: number;
  readonly padId: number;
  readonly specialIds: ReadonlySet<number>;
  /** Text → ids of its content: no special tokens, not truncated. Throws OPTION_INVALID for a text of more than 100,000 characters. */
  encode(text: string): number[];
  /** Ids → readable text; special tokens are left out. */
  decode(ids: readonly number[]): string;
  /** The piece as the vocabulary writes it, e.g. `tiger</w>`; '' for an id that it lacks. */
  tokenText(id: number): string;
  /**
   * Whether a word can end with this piece: `tiger</w>` in CLIP's vocabulary. Vocabularies that mark where a
   * word starts (`▁tiger`, `Ġtiger`) say nothing about its end: there, the pieces with that mark count.
   */
  endsWord(id: number): boolean;
  /** Start + ids + end, as the text tower expects them. */
  frame(ids: readonly number[]): number[];
}

/** The entries of tokenizer_config.json that are read. */
export interface TokenizerConfig {
  readonly bos_token?: string | { content: string };
  readonly model_max_length?: number;
  readonly eos_token?: string | { content: string };
  readonly pad_token?: string | { content: string };
}

/** The context length of towers whose configuration leaves it out because it is the default. */
const DEFAULT_CONTEXT: Record<string, number> = { clip: 77, clip_text_model: 77, siglip: 64, siglip_text_model: 64 };

/** Tokenizers without a limit write one of the order of 1e30. */
const MAX_CONTEXT = 100_000;

/** Of one text: a book's chapter. All nodes read their texts here, and a graph may bring any number of megabytes. */
const MAX_CHARACTERS = 100_000;

/** Reads the tokenizer of a model folder. Throws MODEL_NOT_FOUND, MODEL_INVALID or MODEL_UNSUPPORTED. */
export async function loadTokenizer(dir: string, layout: ClipLayout = transformersJs): Promise<Tokenizer> {
  const path = join(dir, layout.tokenizer);
  const json = readJson<object>(path);
  const config = readJson<TokenizerConfig>(join(dir, layout.tokenizerConfig));
  const model = readClipConfig(dir, layout);
  const tokenizer = await buildTokenizer({ json, config, contextLength: contextOf(model, config, dir), path });
  return model.canonicalise ? { ...tokenizer, encode: (text) => tokenizer.encode(canonicalise(text)) } : tokenizer;
}

/** As SigLIP was trained: lower case, no ASCII punctuation, single spaces. */
const canonicalise = (text: string): string =>
  text
    .replace(/[!-/:-@[-`{-~]/g, '')
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .trim();

/** config.json of a model folder. Throws MODEL_NOT_FOUND, MODEL_INVALID. */
export function readClipConfig(dir: string, layout: ClipLayout): ClipConfig {
  const path = join(dir, layout.config);
  return layout.readConfig(readJson<object>(path), path);
}

export interface TokenizerParts {
  /** The content of tokenizer.json. */
  readonly json: object;
  readonly config: TokenizerConfig;
  readonly contextLength: number;
  /** Where it comes from, for messages. */
  readonly path: string;
}

/** A tokenizer from what its files hold. Throws MODEL_INVALID. */
export async function buildTokenizer({ json, config, contextLength, path }: TokenizerParts): Promise<Tokenizer> {
  const { PreTrainedTokenizer } = await import('@xenova/transformers'); // only here: it takes a while to load
  try {
    return makeTokenizer(new PreTrainedTokenizer(json, config), config, contextLength);
  } catch (error) {
    throw new InputError('MODEL_INVALID', `${path} is not a tokenizer that can be read: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

function contextOf(model: ClipConfig, tokenizer: TokenizerConfig, dir: string): number {
  const known = [model.text_config?.max_position_embeddings, tokenizer.model_max_length].filter(
    (n): n is number => typeof n === 'number' && n > 2 && n < MAX_CONTEXT,
  );
  const byType = DEFAULT_CONTEXT[model.text_config?.model_type ?? ''] ?? DEFAULT_CONTEXT[model.model_type ?? ''];
  const length = known.length ? Math.min(...known) : byType;
  if (length) return length;
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `${dir} does not say how many tokens its text tower reads: neither text_config.max_position_embeddings in config.json nor model_max_length in tokenizer_config.json is set.`,
  );
}

function makeTokenizer(inner: PreTrainedTokenizer, config: TokenizerConfig, contextLength: number): Tokenizer {
  const pieces: string[] = [];
  for (const [piece, id] of inner.get_vocab() as Map<string, number>) pieces[id] = piece;
  const idOf = (token: TokenizerConfig['eos_token']): number | undefined =>
    token === undefined || token === null
      ? undefined
      : (inner.convert_tokens_to_ids(typeof token === 'string' ? token : token.content) as number | undefined);
  const { prefix, suffix } = findFrame(inner);
  const endId = suffix.at(-1) ?? idOf(config.eos_token);
  if (endId === undefined) throw new Error('it has no end-of-text token');
  const specialIds: ReadonlySet<number> = new Set([...(inner.all_special_ids as number[]), ...prefix, ...suffix]);
  const { endsWord, tidy } = findConvention(pieces);
  const content = (ids: readonly number[]) => ids.filter((id) => !specialIds.has(id));
  return {
    vocabSize: pieces.length,
    contextLength,
    startId: prefix[0],
    endId,
    padId: idOf(config.pad_token) ?? endId,
    specialIds,
    encode: (text) => {
      if (text.length > MAX_CHARACTERS)
        throw invalidCount('A text', `at most ${MAX_CHARACTERS} characters`, text.length);
      return content(inner.encode(text, { add_special_tokens: false }));
    },
    decode: (ids) => {
      const kept = content(ids);
      if (kept.length === 0) return '';
      return tidy(inner.decode(kept, { skip_special_tokens: false, clean_up_tokenization_spaces: false }));
    },
    tokenText: (id) => pieces[id] ?? '',
    endsWord: (id) => endsWord(pieces[id] ?? ''),
    frame: (ids) => [...prefix, ...ids, ...suffix],
  };
}

/** What the post-processor puts before and after the content, found by encoding a single letter. */
function findFrame(inner: PreTrainedTokenizer): { prefix: number[]; suffix: number[] } {
  const bare = inner.encode('a', { add_special_tokens: false });
  const framed = inner.encode('a', { add_special_tokens: true });
  const at = framed.findIndex((_, i) => bare.every((id, j) => framed[i + j] === id));
  if (at < 0) throw new Error('its special tokens are not put around the text');
  return { prefix: framed.slice(0, at), suffix: framed.slice(at + bare.length) };
}

/** How a vocabulary marks words, by counting: most of the pieces of one that has a mark carry it. */
const CONVENTIONS: readonly WordConvention[] = [
  { endsWord: (piece) => piece.endsWith('</w>'), tidy: tidySpaces }, // CLIP
  { endsWord: (piece) => piece.startsWith('▁'), tidy: trim }, // SentencePiece: SigLIP, T5
  { endsWord: (piece) => piece.startsWith('Ġ'), tidy: trim }, // byte-level BPE: GPT-2
];
const WORD_PIECE: WordConvention = { endsWord: (piece) => !piece.startsWith('##'), tidy: trim }; // BERT

interface WordConvention {
  readonly endsWord: (piece: string) => boolean;
  /** Decoded text → as a person would type it; removes only spaces that do not affect the tokens. */
  readonly tidy: (text: string) => string;
}

function trim(text: string): string {
  return text.trim();
}

function findConvention(pieces: readonly string[]): WordConvention {
  const marked = (c: WordConvention) => pieces.reduce((n, piece) => n + (c.endsWord(piece) ? 1 : 0), 0);
  return CONVENTIONS.find((c) => marked(c) * 20 > pieces.length) ?? WORD_PIECE;
}

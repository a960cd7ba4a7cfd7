// Vocabulary and merges of CLIP's byte-pair encoding → the content of a tokenizer.json, with the rules of OpenAI's simple_tokenizer.py.
import { readFileSync } from 'node:fs';
import { InputError } from '../errors.ts';
import { packageFile } from '../package-root.ts';
import type { TokenizerConfig } from './tokenizer.ts';

export interface TokenizerJson {
  readonly added_tokens?: readonly { readonly content: string }[];
}

export interface BpeParts {
  /** Token → id. */
  readonly vocab: Readonly<Record<string, number>>;
  /** `a b` for each pair that becomes `ab`, the first ones first. */
  readonly merges: readonly string[];
  /** Its marks, where they are not CLIP's own. */
  readonly config: TokenizerConfig;
  /** Where the vocabulary comes from, for messages. */
  readonly source: string;
}

export const START = '<|startoftext|>';
export const END = '<|endoftext|>';

/** The text of a mark in tokenizer_config.json, or the usual one. */
export const contentOf = (token: TokenizerConfig['bos_token'], usual: string): string =>
  (typeof token === 'string' ? token : token?.content) ?? usual;

/** Throws MODEL_INVALID if the vocabulary lacks a mark. */
export function clipTokenizerJson({ vocab, merges, config, source }: BpeParts): TokenizerJson {
  const start = contentOf(config.bos_token, START);
  const end = contentOf(config.eos_token, END);
  for (const mark of [start, end])
    if (typeof vocab[mark] !== 'number') throw new InputError('MODEL_INVALID', `${source} lacks the token "${mark}".`);
  const added = [...new Set([start, end])].map((content) => ({
    id: vocab[content],
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  return { ...clipRules(start, end, vocab), added_tokens: added, model: bpe(vocab, merges, end) } as object;
}

/** The lines of a merges.txt. */
export const readMerges = (path: string): string[] =>
  readFileSync(path, 'utf8')
    .split(/\r?\n/)
    .filter((line, i) => line !== '' && !(i === 0 && line.startsWith('#version')));

/**
 * The 49,408 tokens of OpenAI's CLIP, which come with the package. Their ids: the 256 bytes, the same at the end of a word, the merges in their
 * order, start and end.
 */
export function clipVocabulary(): Pick<BpeParts, 'vocab' | 'merges' | 'source'> {
  const source = packageFile('data', 'clip-vocabulary', 'merges.txt');
  const merges = readMerges(source);
  const bytes = byteSymbols();
  const tokens = [...bytes, ...bytes.map((b) => `${b}</w>`), ...merges.map((m) => m.replace(' ', '')), START, END];
  return { source, merges, vocab: Object.fromEntries(tokens.map((token, id) => [token, id])) };
}

/** A printable sign for each byte: its own where it has one, the signs from 256 on for the others, which come last. */
function byteSymbols(): string[] {
  const ranges = [
    [0x21, 0x7e],
    [0xa1, 0xac],
    [0xae, 0xff],
  ];
  const printable = ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
  const others = Array.from({ length: 256 - printable.length }, (_, i) => 256 + i);
  return [...printable, ...others].map((code) => String.fromCharCode(code));
}

const bpe = (vocab: object, merges: readonly string[], unknown: string) => ({
  type: 'BPE',
  unk_token: unknown,
  continuing_subword_prefix: '',
  end_of_word_suffix: '</w>',
  fuse_unk: false,
  vocab,
  merges,
});

/** Words are contractions, runs of letters, single digits, runs of symbols; in lower case. */
const WORDS = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

const clipRules = (start: string, end: string, vocab: Readonly<Record<string, number>>) => ({
  version: '1.0',
  truncation: null,
  padding: null,
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'NFC' },
      { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
      { type: 'Lowercase' },
    ],
  },
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: WORDS }, behavior: 'Removed', invert: true },
      { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    ],
  },
  post_processor: {
    type: 'RobertaProcessing',
    sep: [end, vocab[end]],
    cls: [start, vocab[start]],
    trim_offsets: false,
    add_prefix_space: false,
  },
  decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
});

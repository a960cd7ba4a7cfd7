// A CLIP for tests: a tiny text tower of test/fixtures/towers with a vocabulary of made-up words and fragments.
import type { Clip } from '../../engine/clip/clip.ts';
import { makeTextEncoder } from '../../engine/clip/text-encoder.ts';
import type { Tokenizer } from '../../engine/clip/tokenizer.ts';
import { random } from '../helpers/random.ts';
import { readTower } from '../helpers/towers.ts';

/** Ids from here on are fragments: they stand inside a word and never end it. */
export const FIRST_FRAGMENT = 100;
/** These ids decode to something that cannot be printed. */
export const UNPRINTABLE = 150;

const ONSETS = ['b', 'd', 'f', 'g', 'k', 'l', 'm', 'n', 'p', 'r'];
const VOWELS = ['a', 'e', 'i', 'o', 'u'];
const syllable = (i: number) => ONSETS[i % ONSETS.length] + VOWELS[Math.floor(i / ONSETS.length) % VOWELS.length];

/**
 * id → piece: 0–49 are one-syllable words (`ba</w>`), 50–99 two-syllable words (`bade</w>`), 100–149 syllables
 * that do not end a word (`ba`), from 150 on unprintable bytes; the tower's start and end tokens are special.
 */
function pieceOf(id: number): string {
  if (id < 50) return `${syllable(id)}</w>`;
  if (id < FIRST_FRAGMENT) return `${syllable(id - 50)}${syllable((id * 7) % 50)}</w>`;
  if (id < UNPRINTABLE) return syllable(id - FIRST_FRAGMENT);
  return '\uFFFD';
}

/** The tokenizer of that vocabulary: greedy, so that `ba` + `de</w>` becomes `bade</w>` on the way back. */
export function towerTokenizer(
  startId: number,
  endId: number,
  contextLength: number,
  vocabSize = endId + 1,
): Tokenizer {
  const pieces = Array.from({ length: vocabSize }, (_, id) => pieceOf(id));
  const ids = new Map(pieces.map((piece, id) => [piece, id]));
  const specialIds = new Set([startId, endId]);
  const encodeWord = (word: string): number[] => {
    const whole = ids.get(`${word}</w>`);
    if (whole !== undefined) return [whole];
    if (word.length <= 2) return [];
    const fragment = ids.get(word.slice(0, 2));
    return [...(fragment === undefined ? [] : [fragment]), ...encodeWord(word.slice(2))];
  };
  return {
    vocabSize,
    contextLength,
    startId,
    endId,
    padId: endId,
    specialIds,
    encode: (text) => text.toLowerCase().split(/\s+/).filter(Boolean).flatMap(encodeWord),
    decode: (list) =>
      list
        .filter((id) => !specialIds.has(id))
        .map((id) => pieces[id].replace('</w>', ' '))
        .join('')
        .trim(),
    tokenText: (id) => pieces[id] ?? '',
    endsWord: (id) => (pieces[id] ?? '').endsWith('</w>'),
    frame: (list) => [startId, ...list, endId],
  };
}

/** Clip over a fixture tower. Pictures are Uint8Arrays: equal bytes, equal unit embedding. */
export function towerClip(name: string): Clip {
  const { path, startId, endId, contextLength, target } = readTower(name);
  const tokenizer = towerTokenizer(startId!, endId!, contextLength);
  const dim = target!.data.length;
  const encodeImage = (image: unknown) => {
    const next = random((image as Uint8Array).reduce((hash, byte) => (hash * 31 + byte) >>> 0, 7));
    const vector = Float32Array.from({ length: dim }, () => next() - 0.5);
    const length = Math.hypot(...vector);
    return vector.map((x) => x / length);
  };
  return {
    name,
    device: 'cpu',
    dir: '',
    textModelPath: path,
    tokenizer,
    text: makeTextEncoder({ path, device: 'cpu' }, tokenizer, dim),
    image: { encode: async (images) => images.map(encodeImage) } as Clip['image'],
  };
}

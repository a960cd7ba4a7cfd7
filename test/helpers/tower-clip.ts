// A fixture tower as the text half of a CLIP: its tokens are spelled as their numbers.
import type { Clip } from '../../engine/clip/clip.ts';
import { makeTextEncoder } from '../../engine/clip/text-encoder.ts';
import type { Tokenizer } from '../../engine/clip/tokenizer.ts';
import type { Tower } from './towers.ts';

export function towerClip(tower: Tower): Pick<Clip, 'textModelPath' | 'tokenizer' | 'text'> {
  const startId = tower.startId ?? undefined;
  const endId = tower.endId!;
  const tokenizer: Tokenizer = {
    vocabSize: 160,
    contextLength: tower.contextLength,
    startId,
    endId,
    padId: tower.padId!,
    specialIds: new Set([startId, endId, tower.padId!].filter((id): id is number => id !== undefined)),
    encode: (text) => text.split(' ').map((word) => (/^\d+$/.test(word) ? Number(word) : 7)),
    decode: (ids) => ids.join(' '),
    tokenText: (id) => `${id}</w>`,
    endsWord: () => true,
    frame: (ids) => [...(startId === undefined ? [] : [startId]), ...ids, endId],
  };
  return {
    textModelPath: tower.path,
    tokenizer,
    text: makeTextEncoder({ path: tower.path, device: 'cpu' }, tokenizer, tower.target?.dims[0]),
  };
}

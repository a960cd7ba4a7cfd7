// A prompt and one of its words → words that could stand in its place, and what each would do to the prompt.
import { allBytesOf } from '../engine/image/batch.ts';
import { nearestWords as findNearest } from '../engine/pez/nearest-words.ts';
import { judgeOf } from './clip-kinds.ts';
import { defineNode, int, list, NodeResult, optional, port, string } from './define-node.ts';
import { entriesOf } from './read-text.ts';

export const nearestWords = defineNode({
  type: 'NearestWords',
  displayName: 'Nearest Words',
  category: 'PEZ',
  description:
    'Offers words for the place of one word of a prompt: of those that CLIP rates nearest to it, the ones with which the prompt stays closest to the picture.',
  searchAliases: ['synonyms', 'alternatives', 'suggest words', 'similar words'],
  inputs: {
    clip: port('CLIP', { tooltip: 'The model that judges.' }),
    prompt: string({ multiline: true, tooltip: 'The prompt that the word is in.' }),
    word: int({ default: 0, min: 0, max: 1000, tooltip: 'Which word of the prompt to replace, counted from 0.' }),
    count: int({ default: 12, min: 1, max: 100, tooltip: 'How many words to offer.' }),
    image: optional(
      port('IMAGE', {
        tooltip: 'The picture that the prompt should match, or several. Without it, the prompt itself is the measure.',
      }),
    ),
    block: optional(
      string({ default: '', tooltip: 'Words that are not offered, separated by commas or line breaks.' }),
    ),
  },
  outputs: {
    words: list(port('STRING', { tooltip: 'The words, best first.' })),
    prompts: list(port('STRING', { tooltip: 'The prompt with each of them in its place.' })),
    similarities: list(port('FLOAT', { tooltip: 'How close each of these prompts is to the picture, at most 1.' })),
  },
  outputNode: true,
  run: async ({ clip, prompt, word, count, image, block }, { signal }) => {
    const targets = image ? allBytesOf(image).map((bytes) => ({ image: bytes })) : [];
    const found = await findNearest(judgeOf(clip), { prompt, word, count, targets, block: entriesOf(block), signal });
    const { words, similarity } = found;
    return new NodeResult({
      outputs: {
        words: words.map((near) => near.word),
        prompts: words.map((near) => near.prompt),
        similarities: words.map((near) => near.similarity),
      },
      ui: {
        text: [words.map((near) => `${near.word} ${signed(near.similarity - similarity)}`).join('\n')],
        nearest: [...words],
        similarity: [similarity],
      },
    });
  },
});

const signed = (change: number): string => `${change < 0 ? '' : '+'}${change.toFixed(4)}`;

// A prompt → its words as CLIP reads them, and how much each of them carries.
import { allBytesOf } from '../engine/image/batch.ts';
import { measureWords } from '../engine/pez/word-contribution.ts';
import { judgeOf } from './clip-kinds.ts';
import { defineNode, list, NodeResult, optional, port, string } from './define-node.ts';

export const promptWords = defineNode({
  type: 'PromptWords',
  displayName: 'Prompt Words',
  category: 'PEZ',
  description:
    'Shows what each word of a prompt carries: how much of its similarity is lost without that word. Words below 0 are in the way.',
  searchAliases: ['word importance', 'token weights', 'contribution', 'tokenize', 'ablation'],
  inputs: {
    clip: port('CLIP', { tooltip: 'The model that judges what each word contributes.' }),
    prompt: string({ multiline: true, tooltip: 'The prompt to look at.' }),
    image: optional(
      port('IMAGE', {
        tooltip: 'The picture that the prompt should match, or several. Without it, the prompt itself is the measure.',
      }),
    ),
  },
  outputs: {
    words: list(port('STRING', { tooltip: 'The words of the prompt, in order.' })),
    contributions: list(port('FLOAT', { tooltip: 'For each word, the similarity that is lost without it.' })),
    similarity: port('FLOAT', { tooltip: 'How close the prompt is to the picture: the cosine similarity, at most 1.' }),
  },
  outputNode: true,
  run: async ({ clip, prompt, image }, { signal }) => {
    const targets = image ? allBytesOf(image).map((bytes) => ({ image: bytes })) : [];
    const { words, similarity } = await measureWords(judgeOf(clip), prompt, { targets, signal });
    return new NodeResult({
      outputs: {
        words: words.map(({ word }) => word),
        contributions: words.map(({ contribution }) => contribution),
        similarity,
      },
      ui: {
        text: [words.map(({ word, contribution }) => `${word} ${contribution.toFixed(4)}`).join('\n')],
        words: [...words],
        similarity: [similarity],
      },
    });
  },
});

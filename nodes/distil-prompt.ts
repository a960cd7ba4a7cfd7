// A long text → a short prompt that a CLIP reads alike.
import { distilPrompt } from '../engine/pez/distil.ts';
import { judgeOf } from './clip-kinds.ts';
import { defineNode, float, int, list, NodeResult, port, string } from './define-node.ts';
import { entriesOf } from './read-text.ts';
import { describePrompt, reportSearch } from './report-search.ts';
import { advancedOptions, advancedSearch, searchRestarts, searchSteps } from './search-inputs.ts';
import { seedInput, toSeed } from './seed.ts';

export const distil = defineNode({
  type: 'DistilPrompt',
  displayName: 'Distil Prompt',
  category: 'PEZ',
  description:
    'Makes a long prompt short: finds the few words that CLIP rates closest to the whole text, however long it is.',
  searchAliases: ['shorten prompt', 'compress prompt', 'summarise prompt', 'prompt distillation'],
  inputs: {
    clip: port('CLIP', { tooltip: 'The model that compares the two.' }),
    text: string({ multiline: true, tooltip: 'The long prompt. It may be longer than the model reads at once.' }),
    ratio: float({
      default: 0.5,
      min: 0.01,
      max: 1,
      step: 0.05,
      tooltip: 'How long the prompt may be, as a fraction of the text: 0.3 means three tokens for every ten.',
    }),
    length: int({
      default: 0,
      min: 0,
      max: 75,
      tooltip: 'The length of the prompt in tokens, instead of the ratio. 0: use the ratio.',
    }),
    seed: seedInput(),
    steps: searchSteps(),
    restarts: searchRestarts(),
    ...advancedSearch,
  },
  outputs: {
    prompt: port('STRING', { tooltip: 'The short prompt.' }),
    similarity: port('FLOAT', { tooltip: 'How close it is to the text: the cosine similarity, at most 1.' }),
    tokens: port('PEZ_PROMPT', { tooltip: 'The prompt with its tokens, for Prompt Blend.' }),
    candidates: list(port('STRING', { tooltip: 'The best short prompts that differ by several words, best first.' })),
  },
  hasIntermediateOutput: true,
  run: async (inputs, context) => {
    const { clip, text, ratio, length, seed, steps, restarts } = inputs;
    const result = await distilPrompt(judgeOf(clip), {
      ...advancedOptions(inputs),
      text,
      ...(length > 0 ? { length } : { ratio }),
      steps,
      restarts,
      seed: toSeed(seed),
      allow: entriesOf(inputs.allow),
      block: entriesOf(inputs.block),
      signal: context.signal,
      onProgress: reportSearch(context),
    });
    context.signal.throwIfAborted();
    context.text(describePrompt(result));
    const { prompt, similarity, ids, candidates } = result;
    return new NodeResult({
      outputs: { prompt, similarity, tokens: { prompt, ids, similarity }, candidates: candidates.map((c) => c.prompt) },
      ui: { text: [prompt] },
    });
  },
});

// IMAGE → the prompt that a CLIP finds nearest to it (PEZ: Wen et al. 2023).
import { invert } from '../engine/pez/invert.ts';
import { defaults, official } from '../engine/pez/options.ts';
import { judgeOf } from './clip-kinds.ts';
import { combo, defineNode, float, int, list, NodeResult, optional, port, string } from './define-node.ts';
import { targetsOf } from './pez-targets.ts';
import { entriesOf } from './read-text.ts';
import { describePrompt } from './report-search.ts';
import { advancedOptions, advancedSearch, searchRestarts, searchSteps } from './search-inputs.ts';
import { searchPlot, showSearch } from './search-plot.ts';
import { seedInput, toSeed } from './seed.ts';

export const pezInvert = defineNode({
  type: 'PEZInvert',
  displayName: 'PEZ Invert',
  category: 'PEZ',
  description:
    'Finds the prompt that a CLIP finds nearest to a picture: from a picture back to words. Several pictures in one batch give one prompt for all of them, a style for example.',
  searchAliases: [
    'image to prompt',
    'interrogate',
    'hard prompts made easy',
    'prompt inversion',
    'caption',
    'img2prompt',
  ],
  inputs: {
    images: port('IMAGE', {
      tooltip: 'What the prompt should describe; a batch gives one prompt for all its pictures.',
    }),
    clip: port('CLIP', {
      tooltip: 'The model that judges. Take the text encoder of the model that will draw the prompt, where you can.',
    }),
    preset: combo(['custom', 'official'], {
      default: 'custom',
      tooltip:
        'custom: everything as it is set below. official: the settings of the authors’ own code (16 tokens, 3000 steps, one start, any token), whatever is set below; seed, template, texts and lists still count.',
    }),
    length: int({
      default: defaults.length,
      min: 1,
      max: 75,
      tooltip: 'Tokens of the prompt: about as many words. 8 to 16 draw the best pictures.',
    }),
    seed: seedInput(),
    steps: searchSteps(),
    restarts: searchRestarts(),
    template: optional(
      string({
        default: '',
        placeholder: 'a painting of {}',
        tooltip: 'Words around the prompt, with {} where it goes. They are yours and stay.',
      }),
    ),
    texts: optional(
      string({
        multiline: true,
        default: '',
        tooltip: 'Texts that the prompt should be near as well, one a line, beside the pictures.',
      }),
    ),
    negative_prompt: optional(
      string({ multiline: true, default: '', tooltip: 'What the prompt should keep away from, one text a line.' }),
    ),
    negative_images: optional(port('IMAGE', { tooltip: 'Pictures that the prompt should keep away from.' })),
    negative_weight: optional(
      float({
        default: 0.5,
        min: 0,
        max: 10,
        step: 0.05,
        tooltip: 'How strongly to keep away from the negative prompt and pictures; 0: not at all.',
      }),
    ),
    initial_prompt: optional(
      string({
        default: '',
        advanced: true,
        tooltip: 'Words to start from, at most as many tokens as the length; the search then improves them.',
      }),
    ),
    image_weights: optional(
      string({
        default: '',
        placeholder: '1, 1, 0.5',
        advanced: true,
        tooltip: 'How much each picture counts, one number each; empty: all the same.',
      }),
    ),
    ...advancedSearch,
  },
  outputs: {
    prompt: port('STRING', {
      tooltip: 'The best prompt, as it was scored: the text itself, nothing is lost by pasting it.',
    }),
    similarity: port('FLOAT', { tooltip: 'How near the prompt is to the pictures: their mean cosine, at most 1.' }),
    tokens: port('PEZ_PROMPT', { tooltip: 'The prompt with its tokens, for Prompt Blend.' }),
    plot: port('IMAGE', { tooltip: 'The course of the search: similarity over the steps.' }),
    candidates: list(
      port('STRING', {
        tooltip: 'The best prompts that differ by several words, best first; the first is the prompt.',
      }),
    ),
  },
  hasIntermediateOutput: true,
  run: async (inputs, context) => {
    const { clip, images, preset, length, steps, restarts, seed } = inputs;
    const targets = targetsOf({
      images,
      imageWeights: inputs.image_weights,
      texts: inputs.texts,
      negativeImages: inputs.negative_images,
      negativeTexts: inputs.negative_prompt,
      negativeWeight: inputs.negative_weight ?? 0.5,
    });
    const view = showSearch(context);
    const result = await invert(judgeOf(clip), {
      ...advancedOptions(inputs),
      length,
      steps,
      restarts,
      ...(preset === 'official' && official),
      targets,
      seed: toSeed(seed),
      template: inputs.template?.trim() || undefined,
      initialPrompt: inputs.initial_prompt?.trim() || undefined,
      allow: entriesOf(inputs.allow),
      block: entriesOf(inputs.block),
      signal: context.signal,
      onProgress: view.onProgress,
    }).finally(view.close);
    context.signal.throwIfAborted();
    context.text(describePrompt(result));
    const { prompt, similarity, ids, candidates } = result;
    const outputs = {
      prompt,
      similarity,
      tokens: { prompt, ids, similarity },
      plot: await searchPlot(result, images),
      candidates: candidates.map((candidate) => candidate.prompt),
    };
    return new NodeResult({ outputs, ui: { text: [prompt] } });
  },
});

// IMAGE → the prompt that a CLIP finds nearest to it (PEZ: Wen et al. 2023).
import { invert } from '../engine/pez/invert.ts';
import { defaults, official } from '../engine/pez/options.ts';
import { judgeWith } from './clip-kinds.ts';
import { combo, defineNode, float, int, list, NodeResult, optional, port, string } from './define-node.ts';
import { targetsOf } from './pez-targets.ts';
import { entriesOf } from './read-text.ts';
import { describePrompt } from './report-search.ts';
import { searchData } from './search-data.ts';
import { advancedOptions, advancedSearch, searchRestarts, searchSteps } from './search-inputs.ts';
import { searchPlot, showSearch } from './search-plot.ts';
import { seedInput, toSeed } from './seed.ts';

export const pezInvert = defineNode({
  type: 'PEZInvert',
  displayName: 'PEZ Invert',
  category: 'PEZ',
  description:
    'Finds the words behind a picture: the prompt that CLIP rates closest to it. Several pictures in one batch give one prompt for all of them, such as their style.',
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
      tooltip: 'The pictures to describe. A batch gives one prompt for all of its pictures.',
    }),
    clip: port('CLIP', {
      tooltip: 'The model that judges. If you can, use the one whose text encoder your image model uses.',
    }),
    preset: combo(['custom', 'official'], {
      default: 'custom',
      tooltip:
        'custom: the settings below. official: the settings of the authors’ own code (16 tokens, 3000 steps, one start, any token), which override those below; seed, template, texts and word lists still count.',
    }),
    length: int({
      default: defaults.length,
      min: 1,
      max: 75,
      tooltip: 'Length of the prompt in tokens, about one per word. 8 to 16 give the best pictures.',
    }),
    seed: seedInput(),
    steps: searchSteps(),
    restarts: searchRestarts(),
    template: optional(
      string({
        default: '',
        placeholder: 'a painting of {}',
        tooltip: 'Fixed words around the prompt, with {} in the place of the prompt.',
      }),
    ),
    texts: optional(
      string({
        multiline: true,
        default: '',
        tooltip: 'Texts that the prompt should match as well as the pictures, one per line.',
      }),
    ),
    negative_prompt: optional(
      string({ multiline: true, default: '', tooltip: 'What the prompt should avoid, one text per line.' }),
    ),
    negative_images: optional(port('IMAGE', { tooltip: 'Pictures that the prompt should avoid.' })),
    negative_weight: optional(
      float({
        default: 0.5,
        min: 0,
        max: 10,
        step: 0.05,
        tooltip: 'How strongly to avoid the negative prompt and pictures. 0: not at all.',
      }),
    ),
    initial_prompt: optional(
      string({
        default: '',
        advanced: true,
        tooltip: 'Words to start from, which the search then improves. At most “length” tokens.',
      }),
    ),
    clip_vision: optional(
      port('CLIP_VISION', {
        tooltip:
          'The picture tower, where clip is a text encoder without one, or in place of its own: from Load CLIP Vision.',
      }),
    ),
    image_weights: optional(
      string({
        default: '',
        placeholder: '1, 1, 0.5',
        advanced: true,
        tooltip: 'How much each picture counts, one number per picture. Empty: all equally.',
      }),
    ),
    ...advancedSearch,
  },
  outputs: {
    prompt: port('STRING', {
      tooltip: 'The best prompt, exactly as it was scored: paste it anywhere.',
    }),
    similarity: port('FLOAT', {
      tooltip: 'How close the prompt is to the pictures: the mean cosine similarity, at most 1.',
    }),
    tokens: port('PEZ_PROMPT', { tooltip: 'The prompt with its tokens, for Prompt Blend.' }),
    plot: port('IMAGE', { tooltip: 'The course of the search: similarity over the steps.' }),
    candidates: list(
      port('STRING', {
        tooltip: 'The best prompts that differ by several words, best first. The first is the prompt itself.',
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
    const result = await invert(await judgeWith(clip, inputs.clip_vision), {
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
    return new NodeResult({ outputs, ui: { text: [prompt], ...searchData(result) } });
  },
});

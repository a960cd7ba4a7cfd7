// Prompts and pictures with weights → one prompt that holds something of each.
import { blendModes, blendPrompts } from '../engine/pez/blend.ts';
import { checkSources, imageSources, lineSources, promptSource } from './blend-sources.ts';
import { judgeOf } from './clip-kinds.ts';
import { combo, defineNode, float, type Input, int, list, NodeResult, optional, port, string } from './define-node.ts';
import { reportSearch } from './report-search.ts';
import { searchRestarts, searchSteps } from './search-inputs.ts';
import { seedInput, toSeed } from './seed.ts';
import { textTable } from './text-table.ts';
import type { PezPrompt } from './values.ts';

const promptPort = (number: number) =>
  optional(
    port('STRING,PEZ_PROMPT', { tooltip: `Prompt ${number}: a text, or the tokens of PEZ Invert.` }) as Input<
      string | PezPrompt
    >,
  );
const imagePort = (number: number) =>
  optional(port('IMAGE', { tooltip: `Picture ${number}; the pictures of a batch share the weight.` }));
const weight = (of: string) =>
  optional(
    float({
      default: 1,
      min: -10,
      max: 10,
      step: 0.05,
      tooltip: `How much ${of} counts. 0 leaves it out; below 0 keeps away from it (joint and crossover only).`,
    }),
  );

export const promptBlend = defineNode({
  type: 'PromptBlend',
  displayName: 'Prompt Blend',
  category: 'PEZ',
  description:
    'Makes one prompt of several prompts and pictures: side by side, word by word, or by a search for what is near to all of them.',
  searchAliases: ['combine prompts', 'mix prompts', 'merge prompts', 'prompt interpolation'],
  inputs: {
    clip: port('CLIP', { tooltip: 'The model whose tokens are counted and that judges.' }),
    mode: combo(blendModes, {
      default: 'concatenate',
      tooltip:
        'concatenate: side by side, as in the paper. interleave: words in turns. joint: a new search for a prompt near to all. crossover: the best of the sources’ own words.',
    }),
    prompts: string({
      multiline: true,
      default: '',
      placeholder: 'a watercolour of a fox :: 1\nneon city at night :: 0.5',
      tooltip: 'Prompts to blend, one a line; a weight may follow after ::.',
    }),
    length: int({
      default: 0,
      min: 0,
      max: 75,
      tooltip: 'At most so many tokens. 0: what fits; for joint and crossover as many as the longest source.',
    }),
    seed: seedInput(),
    steps: searchSteps(),
    restarts: searchRestarts(),
    prompt_1: promptPort(1),
    prompt_2: promptPort(2),
    prompt_3: promptPort(3),
    prompt_4: promptPort(4),
    image_1: imagePort(1),
    image_2: imagePort(2),
    image_3: imagePort(3),
    image_4: imagePort(4),
    prompt_weight_1: weight('prompt 1'),
    prompt_weight_2: weight('prompt 2'),
    prompt_weight_3: weight('prompt 3'),
    prompt_weight_4: weight('prompt 4'),
    image_weight_1: weight('picture 1'),
    image_weight_2: weight('picture 2'),
    image_weight_3: weight('picture 3'),
    image_weight_4: weight('picture 4'),
  },
  outputs: {
    prompt: port('STRING', { tooltip: 'The blended prompt.' }),
    similarities: list(
      port('FLOAT', {
        tooltip: 'How near it is to each source: prompts 1 to 4, the lines of prompts, pictures 1 to 4.',
      }),
    ),
    tokens: port('PEZ_PROMPT', { tooltip: 'The prompt with its tokens, for another Prompt Blend.' }),
    dropped: port('STRING', { tooltip: 'Words of the sources that did not fit, separated by commas.' }),
  },
  hasIntermediateOutput: true,
  run: async (inputs, context) => {
    const sources = checkSources([
      ...promptSource(inputs.prompt_1, inputs.prompt_weight_1 ?? 1),
      ...promptSource(inputs.prompt_2, inputs.prompt_weight_2 ?? 1),
      ...promptSource(inputs.prompt_3, inputs.prompt_weight_3 ?? 1),
      ...promptSource(inputs.prompt_4, inputs.prompt_weight_4 ?? 1),
      ...lineSources(inputs.prompts),
      ...imageSources('image 1', inputs.image_1, inputs.image_weight_1 ?? 1),
      ...imageSources('image 2', inputs.image_2, inputs.image_weight_2 ?? 1),
      ...imageSources('image 3', inputs.image_3, inputs.image_weight_3 ?? 1),
      ...imageSources('image 4', inputs.image_4, inputs.image_weight_4 ?? 1),
    ]);
    const { prompt, ids, similarities, dropped } = await blendPrompts(judgeOf(inputs.clip), {
      sources: sources.map(({ source }) => source),
      mode: inputs.mode,
      length: inputs.length || undefined,
      seed: toSeed(inputs.seed),
      steps: inputs.steps,
      restarts: inputs.restarts,
      signal: context.signal,
      onProgress: reportSearch(context),
    });
    context.signal.throwIfAborted();
    context.text(prompt);
    const rows = sources.map(({ name }, i) => [name, similarities[i].toFixed(4)]);
    return new NodeResult({
      outputs: { prompt, similarities, tokens: { prompt, ids }, dropped: dropped.join(', ') },
      ui: { text: [`${prompt}\n\n${textTable([['source', 'similarity'], ...rows])}`] },
    });
  },
});

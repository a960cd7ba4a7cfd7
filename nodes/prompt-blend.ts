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

/** Prompts and pictures that can be connected, each with a weight. */
const slots = [1, 2, 3, 4] as const;
type Slot = (typeof slots)[number];

/** `prompt` → the inputs prompt_1 to prompt_4. */
const eachSlot = <Name extends string, I>(name: Name, make: (slot: Slot) => I) =>
  Object.fromEntries(slots.map((slot) => [`${name}_${slot}`, make(slot)])) as Record<`${Name}_${Slot}`, I>;

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
    ...eachSlot('prompt', promptPort),
    ...eachSlot('image', imagePort),
    ...eachSlot('prompt_weight', (slot) => weight(`prompt ${slot}`)),
    ...eachSlot('image_weight', (slot) => weight(`picture ${slot}`)),
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
      ...slots.flatMap((n) => promptSource(inputs[`prompt_${n}`], inputs[`prompt_weight_${n}`] ?? 1)),
      ...lineSources(inputs.prompts),
      ...slots.flatMap((n) => imageSources(`image ${n}`, inputs[`image_${n}`], inputs[`image_weight_${n}`] ?? 1)),
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

// A prompt and what to put in place of something → prompts in which only that has changed.
import { bytesOf } from '../engine/image/batch.ts';
import { type SwapSelection, swapConcepts } from '../engine/pez/swap.ts';
import { judgeOf } from './clip-kinds.ts';
import { boolean, combo, defineNode, int, list, NodeResult, optional, port, string } from './define-node.ts';
import { linesOf } from './read-text.ts';
import { describePrompt, reportSearch } from './report-search.ts';
import { searchRestarts, searchSteps } from './search-inputs.ts';
import { seedInput, toSeed } from './seed.ts';
import { textTable } from './text-table.ts';

export const tokenSwap = defineNode({
  type: 'TokenSwap',
  displayName: 'Token Swap',
  category: 'PEZ',
  description:
    'Replaces one concept in a prompt and keeps the rest: the style of a found prompt, but with a tiger, with Paris, with your cat. Several replacements give several prompts.',
  searchAliases: ['replace word', 'swap subject', 'prompt edit', 'style transfer'],
  inputs: {
    clip: port('CLIP', { tooltip: 'The model that judges what each word contributes.' }),
    prompt: string({ multiline: true, tooltip: 'The prompt to change.' }),
    mode: combo(['auto', 'word', 'position'], {
      default: 'auto',
      tooltip:
        'How the part to replace is found. auto: the words that carry the concept in “from”, or the subject if “from” is empty. word: every occurrence of the word in “from”. position: the tokens from “position” on.',
    }),
    from: string({
      default: '',
      tooltip: 'What to replace: a word of the prompt (mode word), or a concept such as animal (mode auto).',
    }),
    to: string({
      multiline: true,
      default: 'tiger',
      placeholder: 'tiger, Paris',
      tooltip:
        'What to put in its place. Several replacements, separated by commas or line breaks, give one prompt each. Empty: remove it.',
    }),
    position: optional(
      int({
        default: 0,
        min: -1,
        max: 74,
        advanced: true,
        tooltip: 'For mode position: the first token to replace, counted from 0. -1: append at the end.',
      }),
    ),
    count: optional(
      int({
        default: 1,
        min: 0,
        max: 75,
        advanced: true,
        tooltip: 'For mode position: how many tokens to replace. 0: insert without removing any.',
      }),
    ),
    image: optional(
      port('IMAGE', {
        tooltip: 'The picture that the prompt was found for. With it, the contribution of each word is judged better.',
      }),
    ),
    restore: optional(
      boolean({
        default: false,
        label_on: 'restore',
        label_off: 'keep the rest',
        tooltip:
          'On: a search may change the other words so that they fit the new one and the look stays. Off: they stay as they are.',
      }),
    ),
    seed: optional(seedInput()),
    steps: optional(searchSteps()),
    restarts: optional(searchRestarts()),
  },
  outputs: {
    prompts: list(port('STRING', { tooltip: 'The changed prompts, one for each replacement.' })),
    contributions: port('STRING', {
      tooltip: 'A table of the words of the original prompt and how much each contributes to its similarity.',
    }),
    edit_stability: list(
      port('FLOAT', { tooltip: 'For each prompt, how little changed apart from the replacement. 1: nothing else.' }),
    ),
    tokens: list(port('PEZ_PROMPT', { tooltip: 'The prompts with their tokens, for Prompt Blend.' })),
  },
  hasIntermediateOutput: true,
  run: async (inputs, context) => {
    const { clip, image, prompt, restore, seed, steps, restarts } = inputs;
    const select = selectionOf(inputs);
    const { prompts, contributions } = await swapConcepts(judgeOf(clip), {
      prompt,
      swaps: replacementsOf(inputs.to).map((to) => ({ select, to })),
      target: image && { image: bytesOf(image, 0) },
      restore,
      seed: toSeed(seed),
      steps,
      restarts,
      signal: context.signal,
      onProgress: reportSearch(context),
    });
    context.signal.throwIfAborted();
    context.text(prompts.map((swapped) => describePrompt(swapped)).join('\n'));
    const rows = contributions.map((c) => [c.token, c.contribution.toFixed(4)]);
    return new NodeResult({
      outputs: {
        prompts: prompts.map((swapped) => swapped.prompt),
        contributions: textTable([['token', 'contribution'], ...rows]),
        edit_stability: prompts.map((swapped) => swapped.editStability),
        tokens: prompts.map(({ prompt, ids }) => ({ prompt, ids })),
      },
      ui: { text: [prompts.map((swapped) => swapped.prompt).join('\n')] },
    });
  },
});

interface SelectionInputs {
  readonly mode: 'auto' | 'word' | 'position';
  readonly from: string;
  readonly position?: number | undefined;
  readonly count?: number | undefined;
}

function selectionOf({ mode, from, position = 0, count = 1 }: SelectionInputs): SwapSelection {
  if (mode === 'position') return { mode, start: position, count };
  if (mode === 'word') return { mode, word: from.trim() };
  return { mode, concept: from.trim() || undefined };
}

/** Lines, or where there is one only, its entries between commas; nothing at all removes. */
function replacementsOf(text: string): string[] {
  const lines = linesOf(text);
  const entries = lines.length === 1 ? linesOf(lines[0].replaceAll(',', '\n')) : lines;
  return entries.length > 0 ? entries : [''];
}

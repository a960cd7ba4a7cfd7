// CLIP and options → what every phase of one inversion works with: made once, passed whole.
import type { Clip } from '../clip/clip.ts';
import { createPromptDecoder, type DecodePrompt } from './decode-prompt.ts';
import { NONE_FIXED } from './fixed.ts';
import { createGradientMemory, type GradientMemory } from './gradient-memory.ts';
import { createNearestRows, type NearestRows } from './nearest.ts';
import { createObjective, type Objective } from './objective.ts';
import type { InvertOptions } from './options.ts';
import { createPool, type Pool } from './pool.ts';
import { createScorer, type Scorer } from './scorer.ts';
import { resolveOptions, type Settings } from './settings.ts';
import { createTextGradient } from './text-gradient.ts';
import { createVocabulary, type Vocabulary } from './vocabulary.ts';

export interface Inversion {
  readonly clip: Clip;
  readonly settings: Settings;
  /** Every token that the options allow; a shortlist narrows it for the search. */
  readonly vocabulary: Vocabulary;
  readonly objective: Objective;
  readonly rows: NearestRows;
  readonly gradients: GradientMemory;
  /** Learned ids → their text, which keeps the fixed words. */
  readonly decode: DecodePrompt;
  /** The ids of one word → its text, as a prompt of its own. */
  readonly decodeWord: DecodePrompt;
  readonly scorer: Scorer;
  /** The best prompts so far: what all phases add to. */
  readonly pool: Pool;
  readonly signal: InvertOptions['signal'];
  readonly onProgress: InvertOptions['onProgress'];
}

/** An id that no token has: its place in a framed row is where the prompt goes. */
const PROBE = -1;

/** Checks the options, encodes the targets and compiles the gradient. Throws as `invert` does. */
export async function createInversion(clip: Clip, options: InvertOptions): Promise<Inversion> {
  const { tokenizer } = clip;
  const { signal, onProgress } = options;
  const settings = resolveOptions(options, tokenizer);
  signal?.throwIfAborted();
  const { template, allow, block, length, fixed } = settings;
  const frame = (ids: readonly number[]) => tokenizer.frame([...template.before, ...ids, ...template.after]);
  const gradient = await createTextGradient(clip, frame([]).length + length);
  const vocabulary = createVocabulary(tokenizer, gradient.table.vocabSize, settings);
  const objective = await createObjective(clip, settings.targets);
  const rows = await createNearestRows(gradient.table, clip.device);
  const decoder = { tokenizer, template, vocabulary, allow, block, length };
  const decode = createPromptDecoder({ ...decoder, fixed });
  const scorer = await createScorer(clip);
  return {
    clip,
    settings,
    vocabulary,
    objective,
    rows,
    gradients: createGradientMemory({ gradient, frame, offset: frame([PROBE]).indexOf(PROBE) }),
    decode,
    decodeWord: fixed.size > 0 ? createPromptDecoder({ ...decoder, fixed: NONE_FIXED }) : decode,
    scorer,
    pool: createPool(objective, decode, scorer),
    signal,
    onProgress,
  };
}

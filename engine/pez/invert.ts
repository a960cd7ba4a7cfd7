// Targets (pictures, texts, embeddings) → a hard prompt: the public entry of the search.
import type { Clip } from '../clip/clip.ts';
import { createReader } from './decode-prompt.ts';
import { chooseFinalists, type PromptCandidate } from './finalists.ts';
import { createGradientMemory } from './gradient-memory.ts';
import { createNearestRows } from './nearest.ts';
import { createObjective } from './objective.ts';
import type { InvertOptions } from './options.ts';
import { createPool } from './pool.ts';
import { type History, type RunOptions, runPhases } from './run.ts';
import { createScorer } from './scorer.ts';
import { resolveOptions } from './settings.ts';
import { shortlistWords } from './shortlist.ts';
import { createTextGradient } from './text-gradient.ts';
import { createVocabulary } from './vocabulary.ts';

export type { InvertOptions, InvertProgress, Target } from './options.ts';
export { defaults, official } from './options.ts';

export interface InvertResult extends PromptCandidate {
  readonly tokens: readonly { readonly id: number; readonly text: string }[];
  readonly seed: number;
  /** Steps that ran, rounds of polish included. */
  readonly steps: number;
  readonly stepsPerSecond: number;
  /** The whole inversion, encoding of the targets and loading of models included. */
  readonly seconds: number;
  /** The best prompts, best first; the first is the result. */
  readonly candidates: readonly PromptCandidate[];
  readonly aborted: boolean;
  /** For a plot: entry i of each list belongs to step `steps[i]`. */
  readonly history: History;
  /** Gradients that were really computed; steps whose projection was known reuse theirs. */
  readonly gradientRuns: number;
}

/**
 * Searches the prompt whose text embedding is nearest to the targets.
 * Throws InputError OPTION_INVALID, VOCABULARY_EMPTY, and what reading the targets and the model may throw;
 * the signal's reason where it was aborted before the search began.
 */
export async function invert(clip: Clip, options: InvertOptions): Promise<InvertResult> {
  const started = performance.now();
  const settings = resolveOptions(options, clip.tokenizer);
  options.signal?.throwIfAborted();
  const { tokenizer } = clip;
  const { template, length } = settings;
  const frame = (ids: readonly number[]) => tokenizer.frame([...template.before, ...ids, ...template.after]);
  const marks = tokenizer.frame([]).length;
  const gradient = await createTextGradient(clip, marks + template.before.length + length + template.after.length);
  const allowed = createVocabulary(tokenizer, gradient.table.vocabSize, settings);
  const objective = await createObjective(clip, settings.targets);
  const rows = await createNearestRows(gradient.table);
  const reader = { ...settings, tokenizer, vocabulary: allowed };
  const read = createReader(reader);
  const readWord = settings.fixed.size > 0 ? createReader({ ...reader, fixed: new Map() }) : read;
  const scorer = await createScorer(clip);
  const pool = createPool(objective, read, scorer);
  const gradients = createGradientMemory({ gradient, frame, offset: frame([PROBE]).indexOf(PROBE) });
  const { signal, onProgress } = options;
  signal?.throwIfAborted();

  const searchStarted = performance.now();
  const bench = { clip, settings, objective, rows, gradients, read, scorer, pool, signal };
  if (settings.initialIds.length > 0) await addInitialPrompt(bench);
  const { vocabulary, fixed } = await shortlistWords({ ...bench, read: readWord, vocabulary: allowed });
  const run = await runPhases({ ...bench, vocabulary, fixed, onProgress });
  const searchSeconds = (performance.now() - searchStarted) / 1000;
  const candidates = await chooseFinalists({ ...bench, vocabulary, count: settings.topK, length });
  const [best] = candidates;
  return {
    ...best,
    tokens: best.ids.map((id) => ({ id, text: tokenizer.decode([id]) })),
    seed: settings.seed,
    ...run,
    stepsPerSecond: run.steps / searchSeconds,
    seconds: (performance.now() - started) / 1000,
    candidates,
    gradientRuns: gradients.computed,
  };
}

/** The initial prompt, without what the lists forbid, is a result to beat: the search returns nothing worse. */
async function addInitialPrompt({ settings, read, scorer, pool }: Pick<RunOptions, Bench>): Promise<void> {
  const reading = read(settings.initialIds);
  if (reading) pool.add(reading, (await scorer.embed([reading]))[0]);
}

type Bench = 'settings' | 'read' | 'scorer' | 'pool';

/** An id that no token has: where it stands in a framed row is where the prompt goes. */
const PROBE = -1;

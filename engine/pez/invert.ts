// Targets (pictures, texts, embeddings) → a hard prompt: the public entry of the search.
import type { Clip } from '../clip/clip.ts';
import { chooseFinalists, type PromptCandidate } from './finalists.ts';
import { createInversion, type Inversion } from './inversion.ts';
import type { InvertOptions } from './options.ts';
import { type History, runPhases } from './run.ts';
import { shortlistWords } from './shortlist.ts';

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
  /** Gradients that were computed; a step whose projection has been seen before reuses its gradient. */
  readonly gradientRuns: number;
}

/**
 * Searches for the prompt whose text embedding is nearest to the targets.
 * Throws InputError OPTION_INVALID, VOCABULARY_EMPTY, whatever reading the targets and the model may throw, and the
 * signal's reason if it is aborted before the search begins.
 */
export async function invert(clip: Clip, options: InvertOptions): Promise<InvertResult> {
  const started = performance.now();
  const inversion = await createInversion(clip, options);
  const { settings, gradients, signal } = inversion;
  signal?.throwIfAborted();

  const searchStarted = performance.now();
  if (settings.initialIds.length > 0) await addInitialPrompt(inversion);
  const shortlist = await shortlistWords(inversion);
  const run = await runPhases(inversion, shortlist);
  const searchSeconds = (performance.now() - searchStarted) / 1000;
  const candidates = await chooseFinalists(inversion, shortlist);
  const [best] = candidates;
  return {
    ...best,
    tokens: best.ids.map((id) => ({ id, text: clip.tokenizer.decode([id]) })),
    seed: settings.seed,
    ...run,
    stepsPerSecond: run.steps / searchSeconds,
    seconds: (performance.now() - started) / 1000,
    candidates,
    gradientRuns: gradients.computed,
  };
}

/** The initial prompt, without what the lists forbid, is a result to beat: the search returns nothing worse. */
async function addInitialPrompt({ settings, decode, scorer, pool }: Inversion): Promise<void> {
  const text = decode(settings.initialIds);
  if (text) pool.add(text, (await scorer.embed([text]))[0]);
}

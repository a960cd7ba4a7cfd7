// The pool's best → what is reported: texts scored once more through the ordinary encoder, with the ids they really have.
import { InputError } from '../errors.ts';
import type { Reading, ReadPrompt } from './decode-prompt.ts';
import { chooseDiffering } from './differing.ts';
import type { Objective } from './objective.ts';
import type { Pool } from './pool.ts';
import type { Scorer } from './scorer.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface PromptCandidate {
  /** The whole text as it was scored, the template filled in. */
  readonly prompt: string;
  /** Its similarity through the ordinary encoder: see Objective.similarity. */
  readonly similarity: number;
  /** Its tokens, the template's included: encode(prompt). */
  readonly ids: readonly number[];
}

export interface FinalistOptions {
  readonly pool: Pool;
  readonly scorer: Scorer;
  readonly objective: Objective;
  readonly read: ReadPrompt;
  readonly vocabulary: Vocabulary;
  readonly count: number;
  /** Most tokens of a prompt without its template. */
  readonly length: number;
}

/** Of the best so many are scored again whatever they say, since the short rows of the search may rank near-equals otherwise. */
const NEAR_EQUALS = 5;

/** The share of their tokens by which candidates should differ: one that exchanges a single word is no other prompt. */
const DIFFERENT = 1 / 3;

/** Single tokens tried, after the phrases, where the search met no permitted text. */
const LAST_RESORT = 256;

/**
 * The best candidate, and the best that differ from it and from each other by a third of their tokens (by fewer where the search met too few
 * such): at most `count`, best first. Throws VOCABULARY_EMPTY where the lists permit no text at all.
 */
export async function chooseFinalists(options: FinalistOptions): Promise<PromptCandidate[]> {
  const { pool, scorer, objective, count, length } = options;
  const found = pool.best(Number.POSITIVE_INFINITY).map((c) => c.reading);
  const ranked = found.length > 0 ? found : lastResort(options);
  const least = Math.ceil(length * DIFFERENT);
  const readings = [...new Set([...ranked.slice(0, NEAR_EQUALS), ...chooseDiffering(ranked, count, least)])];
  const embeddings = await scorer.embedOrdinary(readings.map((r) => r.prompt));
  const scored = readings
    .map(({ prompt, ids }, i) => ({
      prompt,
      ids,
      similarity: objective.similarity(embeddings[i]),
      score: objective.score(embeddings[i]),
    }))
    .sort((a, b) => b.score - a.score);
  // Chosen again: the exact scores may have moved the best, and near-equals of it are among them.
  return chooseDiffering(scored, count, least).map(({ prompt, similarity, ids }) => ({ prompt, similarity, ids }));
}

function lastResort({ read, vocabulary: { singles, phrases } }: FinalistOptions): Reading[] {
  const step = Math.max(1, Math.floor(singles.length / LAST_RESORT));
  const tokens = Array.from(
    singles.filter((_, i) => i % step === 0),
    (id) => [id],
  );
  const readings = [...phrases, ...tokens].map(read);
  const texts = readings.filter((r): r is Reading => r !== null);
  if (texts.length > 0) return texts;
  throw new InputError(
    'VOCABULARY_EMPTY',
    'The search met no text that the allow-list and the block-list permit; allow more words or block fewer.',
  );
}

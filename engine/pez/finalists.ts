// The pool's best → what is reported: texts scored once more through the ordinary encoder, with the ids they really have.
import { InputError } from '../errors.ts';
import type { DecodedPrompt } from './decode-prompt.ts';
import { chooseDiffering } from './differing.ts';
import type { Inversion } from './inversion.ts';
import type { Shortlist } from './shortlist.ts';

export interface PromptCandidate {
  /** The whole text as it was scored, the template filled in. */
  readonly prompt: string;
  /** Its similarity through the ordinary encoder: see Objective.similarity. */
  readonly similarity: number;
  /** Its tokens, the template's included: encode(prompt). */
  readonly ids: readonly number[];
}

/** This many of the best are always scored again: the short rows of the search may rank near-equals differently. */
const NEAR_EQUALS = 5;

/** The share of their tokens in which candidates should differ: exchanging a single word does not make another prompt. */
const DIFFERENT = 1 / 3;

/** Single tokens tried, after the phrases, if the search found no permitted text. */
const LAST_RESORT = 256;

/**
 * The best candidate, and the best that differ from it and from each other in a third of their tokens (in fewer if the
 * search found too few of those): at most `settings.topK`, best first. Throws VOCABULARY_EMPTY if the lists permit no text at all.
 */
export async function chooseFinalists(inversion: Inversion, shortlist: Shortlist): Promise<PromptCandidate[]> {
  const { settings, pool, scorer, objective } = inversion;
  const found = pool.best(Number.POSITIVE_INFINITY).map((c) => c.text);
  const ranked = found.length > 0 ? found : lastResort(inversion, shortlist);
  const least = Math.ceil(settings.length * DIFFERENT);
  const texts = [...new Set([...ranked.slice(0, NEAR_EQUALS), ...chooseDiffering(ranked, settings.topK, least)])];
  const embeddings = await scorer.embedOrdinary(texts.map((text) => text.prompt));
  const scored = texts
    .map(({ prompt, ids }, i) => ({
      prompt,
      ids,
      similarity: objective.similarity(embeddings[i]),
      score: objective.score(embeddings[i]),
    }))
    .sort((a, b) => b.score - a.score);
  // Chosen again: the exact scores may have moved the best, and near-equals of it are among them.
  return chooseDiffering(scored, settings.topK, least).map(({ prompt, similarity, ids }) => ({
    prompt,
    similarity,
    ids,
  }));
}

/** Texts of phrases and of single tokens spread evenly over the vocabulary. */
function lastResort({ decode }: Inversion, { vocabulary: { singles, phrases } }: Shortlist): DecodedPrompt[] {
  const step = Math.max(1, Math.floor(singles.length / LAST_RESORT));
  const tokens = Array.from(
    singles.filter((_, i) => i % step === 0),
    (id) => [id],
  );
  const texts = [...phrases, ...tokens].flatMap((ids) => decode(ids) ?? []);
  if (texts.length > 0) return texts;
  throw new InputError(
    'VOCABULARY_EMPTY',
    'The search found no text that the allow-list and the block-list permit; allow more words or block fewer.',
  );
}

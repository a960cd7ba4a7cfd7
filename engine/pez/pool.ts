// The best prompts seen so far: every entry is a text with the score of that very text.
import type { DecodedPrompt, DecodePrompt } from './decode-prompt.ts';
import type { Objective } from './objective.ts';
import type { Scorer } from './scorer.ts';

export interface Candidate {
  readonly text: DecodedPrompt;
  /** The objective: what candidates are ranked by. */
  readonly score: number;
  /** What is reported: see Objective.similarity. */
  readonly similarity: number;
}

export interface Pool {
  /**
   * Takes learned ids and their embedding. If their text has these ids, the embedding's score is the text's. If not, it is
   * only an estimate: the text is scored at once if the estimate is the highest so far, otherwise deferred.
   * Returns the score to steer by: the text's if it is known, else the estimate.
   */
  offer(ids: readonly number[], embedding: Float32Array): Promise<number>;
  /** Takes a text and its embedding. */
  add(text: DecodedPrompt, embedding: Float32Array): Candidate;
  /** Scores the deferred texts. */
  scoreDeferred(): Promise<void>;
  /** The best `count`, best first, no text twice. */
  best(count: number): Candidate[];
  /** True for a text that has been scored, however low. */
  knows(prompt: string): boolean;
}

/** Candidates kept. */
const KEPT = 256;

/** Deferred texts: when there are more than the first number, the second number of them stays, those of the highest estimates. */
const DEFERRED_MAX = 64;
const DEFERRED_KEPT = 16;

/** A text and the score of the embedding that its ids had before they became a text. */
interface Deferred {
  readonly text: DecodedPrompt;
  readonly estimate: number;
}

/** An empty pool. */
export function createPool(objective: Objective, decode: DecodePrompt, scorer: Scorer): Pool {
  let kept: Candidate[] = [];
  const scored = new Set<string>();
  const deferred = new Map<string, Deferred>();
  let highestEstimate = Number.NEGATIVE_INFINITY;

  const add = (text: DecodedPrompt, embedding: Float32Array): Candidate => {
    const candidate = { text, score: objective.score(embedding), similarity: objective.similarity(embedding) };
    if (scored.has(text.prompt)) return candidate;
    scored.add(text.prompt);
    deferred.delete(text.prompt);
    if (kept.length === KEPT && candidate.score <= kept[KEPT - 1].score) return candidate;
    kept.push(candidate);
    kept.sort((a, b) => b.score - a.score);
    kept = kept.slice(0, KEPT);
    return candidate;
  };

  return {
    add,
    async offer(ids, embedding) {
      const estimate = objective.score(embedding);
      const text = decode(ids);
      if (!text) return estimate;
      if (text.roundTrips) return add(text, embedding).score;
      if (scored.has(text.prompt)) return estimate;
      if (estimate > highestEstimate) {
        highestEstimate = estimate;
        const [own] = await scorer.embed([text]);
        return add(text, own).score;
      }
      deferred.set(text.prompt, { text, estimate });
      if (deferred.size > DEFERRED_MAX) forgetLowest(deferred);
      return estimate;
    },
    async scoreDeferred() {
      const texts = [...deferred.values()].map((d) => d.text);
      const embeddings = await scorer.embed(texts);
      texts.forEach((text, i) => {
        add(text, embeddings[i]);
      });
      deferred.clear();
    },
    best: (count) => kept.slice(0, count),
    knows: (prompt) => scored.has(prompt),
  };
}

function forgetLowest(deferred: Map<string, Deferred>): void {
  const ranked = [...deferred].sort(([, a], [, b]) => b.estimate - a.estimate);
  for (const [prompt] of ranked.slice(DEFERRED_KEPT)) deferred.delete(prompt);
}

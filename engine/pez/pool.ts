// The best prompts seen so far: every entry is a text with the score of that very text.

import type { Reading, ReadPrompt } from './decode-prompt.ts';
import type { Objective } from './objective.ts';
import type { Scorer } from './scorer.ts';

export interface Candidate {
  readonly reading: Reading;
  /** The objective: what candidates are ranked by. */
  readonly score: number;
  /** What is reported: see Objective.similarity. */
  readonly similarity: number;
}

export interface Pool {
  /**
   * Takes in learned ids with their embedding. Ids whose text re-tokenises to them bring its score along; where the
   * text is another token sequence and the ids promise a new best, that sequence is scored first.
   * Returns the score to steer by: the text's where it is known.
   */
  offer(ids: readonly number[], embedding: Float32Array): Promise<number>;
  /** Takes in a reading with the embedding of its text. */
  add(reading: Reading, embedding: Float32Array): Candidate;
  /** Scores the most promising readings that were put off. */
  settle(): Promise<void>;
  /** The best `count`, best first, no text twice. */
  best(count: number): Candidate[];
  /** True for a text that has been scored, however badly. */
  knows(prompt: string): boolean;
}

/** Candidates kept, and unfaithful readings remembered for `settle`. */
const KEPT = 256;
const PUT_OFF = 16;

/** An empty pool. */
export function createPool(objective: Objective, read: ReadPrompt, scorer: Scorer): Pool {
  let kept: Candidate[] = [];
  const scored = new Set<string>();
  const putOff = new Map<string, { reading: Reading; promise: number }>();
  let highestPromise = Number.NEGATIVE_INFINITY;

  const add = (reading: Reading, embedding: Float32Array): Candidate => {
    const candidate = { reading, score: objective.score(embedding), similarity: objective.similarity(embedding) };
    if (scored.has(reading.prompt)) return candidate;
    scored.add(reading.prompt);
    putOff.delete(reading.prompt);
    if (kept.length === KEPT && candidate.score <= kept[KEPT - 1].score) return candidate;
    kept.push(candidate);
    kept.sort((a, b) => b.score - a.score);
    kept = kept.slice(0, KEPT);
    return candidate;
  };

  return {
    add,
    async offer(ids, embedding) {
      const promise = objective.score(embedding);
      const reading = read(ids);
      if (!reading) return promise;
      if (reading.faithful) return add(reading, embedding).score;
      if (scored.has(reading.prompt)) return promise;
      if (promise > highestPromise) {
        highestPromise = promise;
        const [own] = await scorer.embed([reading]);
        return add(reading, own).score;
      }
      putOff.set(reading.prompt, { reading, promise });
      if (putOff.size > 4 * PUT_OFF) forgetWorst(putOff);
      return promise;
    },
    async settle() {
      const readings = [...putOff.values()].map((p) => p.reading);
      const embeddings = await scorer.embed(readings);
      readings.forEach((reading, i) => {
        add(reading, embeddings[i]);
      });
      putOff.clear();
    },
    best: (count) => kept.slice(0, count),
    knows: (prompt) => scored.has(prompt),
  };
}

function forgetWorst(putOff: Map<string, { promise: number }>): void {
  const ranked = [...putOff].sort(([, a], [, b]) => b.promise - a.promise);
  for (const [prompt] of ranked.slice(PUT_OFF)) putOff.delete(prompt);
}

// Words → the sequence of them that scores best: a beam search grows it word by word, then single words are exchanged.
import type { Clip } from '../clip/clip.ts';
import { createScorer } from './scorer.ts';
import type { Word } from './words.ts';

export interface SelectOptions {
  /** Each is used at most once. */
  readonly words: readonly Pick<Word, 'text' | 'ids'>[];
  /** Sequences (indices of words) to start from: the result is at least as good as each of them. */
  readonly seeds: readonly (readonly number[])[];
  /** Most tokens of the sequence. */
  readonly length: number;
  /** What is maximised, for the unit embedding of a sequence's text. */
  score(embedding: Float32Array): number;
  readonly signal?: AbortSignal | undefined;
  /** Called after each batch of exact scores with the best so far. */
  onBatch?(prompt: string, score: number): void;
}

export interface Selection {
  /** Indices of the words, in order; empty if the search was aborted before the first batch. */
  readonly order: readonly number[];
  readonly score: number;
}

/** Sequences that grow side by side, words tried on each, rounds without gain before growing ends, sweeps of exchanges. */
const BEAM = 4;
const PER_STATE = 24;
const PATIENCE = 3;
const SWEEPS = 3;

/** Most texts that are scored: half a minute with a large tower. */
const BUDGET = 4000;

/** The best sequence found. Every score is exact: that of the text of the words with spaces between them. */
export async function selectWords(clip: Clip, options: SelectOptions): Promise<Selection> {
  const { words, seeds, length, signal } = options;
  const known = new Map<string, number>();
  let best: Selection = { order: [], score: Number.NEGATIVE_INFINITY };

  const scoreAll = async (orders: readonly (readonly number[])[]): Promise<number[]> => {
    const fresh = [...new Map(orders.map((order) => [order.join(), order])).values()].filter(
      (order) => order.length > 0 && !known.has(order.join()),
    );
    const scores = await scoreOrders(clip, fresh, options);
    fresh.forEach((order, i) => {
      known.set(order.join(), scores[i]);
      if (scores[i] > best.score) best = { order, score: scores[i] };
    });
    options.onBatch?.(best.order.map((w) => words[w].text).join(' '), best.score);
    await new Promise((resolve) => setImmediate(resolve));
    return orders.map((order) => known.get(order.join()) ?? Number.NEGATIVE_INFINITY);
  };
  const size = (order: readonly number[]) => order.reduce((sum, w) => sum + words[w].ids.length, 0);
  const fits = (order: readonly number[]) => order.length > 0 && size(order) <= length;

  const singles = words.map((_, w) => [w]).filter(fits);
  const alone = await scoreAll([...singles, ...seeds.filter(fits)]);
  const ranked = singles
    .map(([w], i) => ({ w, score: alone[i] }))
    .sort((a, b) => b.score - a.score)
    .map(({ w }) => w);
  const unused = (order: readonly number[]) => ranked.filter((w) => !order.includes(w)).slice(0, PER_STATE);

  let beam = ranked.slice(0, BEAM).map((w): number[] => [w]);
  const goesOn = () => known.size < BUDGET && !signal?.aborted;
  for (let idle = 0; idle < PATIENCE && goesOn(); ) {
    const before = best.score;
    const longer = beam.flatMap((order) => unused(order).map((w) => [...order, w])).filter(fits);
    if (longer.length === 0) break;
    const scores = await scoreAll(longer);
    beam = keepBest(longer, scores, BEAM);
    idle = best.score > before ? 0 : idle + 1;
  }

  for (let sweep = 0; sweep < SWEEPS && goesOn(); sweep++) {
    const before = best.score;
    for (let at = 0; at <= best.order.length && goesOn(); at++) {
      const { order } = best;
      const others = unused(order);
      const moved = order.map((w) => order.filter((x) => x !== w).toSpliced(at, 0, w));
      const changed = [
        order.toSpliced(at, 1),
        ...others.map((w) => order.toSpliced(at, 1, w)),
        ...others.map((w) => order.toSpliced(at, 0, w)),
        ...moved,
      ];
      await scoreAll(changed.filter(fits));
    }
    if (best.score <= before) break;
  }
  return best;
}

const keepBest = (orders: readonly number[][], scores: readonly number[], count: number): number[][] =>
  orders
    .map((order, i) => ({ order, score: scores[i] }))
    .sort((a, b) => b.score - a.score)
    .slice(0, count)
    .map(({ order }) => order);

async function scoreOrders(
  clip: Clip,
  orders: readonly (readonly number[])[],
  { words, length, score }: SelectOptions,
): Promise<number[]> {
  if (orders.length === 0) return [];
  const scorer = await createScorer(clip);
  const texts = orders.map((order) => {
    const prompt = order.map((w) => words[w].text).join(' ');
    return { prompt, ids: clip.tokenizer.encode(prompt) };
  });
  const fitting = texts.filter(({ ids }) => ids.length > 0 && ids.length <= length);
  const embeddings = await scorer.embed(fitting);
  const scores = new Map(fitting.map((text, i) => [text, score(embeddings[i])]));
  return texts.map((text) => scores.get(text) ?? Number.NEGATIVE_INFINITY);
}

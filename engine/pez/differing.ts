// Of many near-equals the best, and then the best that are something else.

/**
 * `count` items of a list that is sorted best first: the best, and after it the best that differ from every item chosen before by at least `least`
 * tokens, whatever their order. Where there are too few such, by fewer. Still best first.
 */
export function chooseDiffering<T extends { readonly ids: readonly number[] }>(
  ranked: readonly T[],
  count: number,
  least: number,
): T[] {
  const chosen = new Map<T, ReadonlySet<number>>();
  for (let need = least; need >= 0 && chosen.size < count; need--)
    for (const item of ranked) {
      if (chosen.size === count) break;
      if (!chosen.has(item) && [...chosen.values()].every((other) => tokensNotIn(other, item.ids) >= need))
        chosen.set(item, new Set(item.ids));
    }
  return ranked.filter((item) => chosen.has(item));
}

const tokensNotIn = (other: ReadonlySet<number>, ids: readonly number[]): number =>
  ids.reduce((count, id) => (other.has(id) ? count : count + 1), 0);

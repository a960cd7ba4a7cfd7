// A ranked list of many near-equals → the best, and then the best that differ from it and from each other.

/**
 * `count` items of a list that is sorted best first: the best, and then the best that differ from every item chosen before in at least `least`
 * tokens, in any order. If there are too few of those, items that differ in fewer tokens follow. Still sorted best first.
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

// Positions of a prompt that a search may not change: position → the id that stays there.

export type Fixed = ReadonlyMap<number, number>;

/** No position is fixed. */
export const NONE_FIXED: Fixed = new Map();

/** The ids, with the fixed ones in their places. */
export const withFixed = (ids: ArrayLike<number>, fixed: Fixed): number[] =>
  Array.from(ids, (id, m) => fixed.get(m) ?? id);

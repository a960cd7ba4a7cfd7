// Algorithm 1, one step at a time, for several starts in one batch: project, gradient at the projection, update the point.
import { concat } from '../vector.ts';
import { type AdamWSettings, type AdamWState, createAdamW, updateAdamW } from './adamw.ts';
import { type Fixed, NONE_FIXED, withFixed } from './fixed.ts';
import type { GradientMemory } from './gradient-memory.ts';
import type { NearestRows, Projection } from './nearest.ts';

export interface SearchOptions extends AdamWSettings {
  readonly rows: NearestRows;
  readonly gradients: GradientMemory;
  /** [V]: 0 for the allowed rows, −∞ for the others. */
  readonly mask: Float32Array;
  readonly projection: Projection;
  /** The ids whose rows each restart starts from: [R][M]. */
  readonly starts: readonly (readonly number[])[];
  /** Positions that stay as they are, even if the mask excludes their ids; none by default. */
  readonly fixed?: Fixed;
}

/** A restart at one step: its projected prompt and the unit embedding [P] of it. */
export interface Visit {
  readonly restart: number;
  readonly ids: readonly number[];
  readonly embedding: Float32Array;
}

interface Restart {
  readonly index: number;
  /** The continuous prompt P: [M·D]. */
  readonly point: Float32Array;
  readonly state: AdamWState;
}

/** A running search. */
export interface Search {
  /** One step of every restart towards `direction` [P]; `key` names it (see Objective.pick). */
  step(direction: Float32Array, key: string): Promise<Visit[]>;
  /** Continues with these restarts only. */
  keep(restarts: readonly number[]): void;
  /** The restarts that still run. */
  readonly running: readonly number[];
}

/** Sets up restarts at the rows of their start ids. */
export function createSearch(options: SearchOptions): Search {
  const { rows, gradients, mask, projection, fixed = NONE_FIXED } = options;
  const { data, dim } = rows.table;
  const setRow = (point: Float32Array, m: number, id: number) =>
    point.set(data.subarray(id * dim, (id + 1) * dim), m * dim);
  let restarts: Restart[] = options.starts.map((ids, index) => {
    const point = new Float32Array(ids.length * dim);
    for (const [m, id] of ids.entries()) setRow(point, m, fixed.get(m) ?? id);
    return { index, point, state: createAdamW(point.length) };
  });

  return {
    get running() {
      return restarts.map((r) => r.index);
    },
    keep(indices) {
      restarts = restarts.filter((r) => indices.includes(r.index));
    },
    async step(direction, key) {
      const length = restarts[0].point.length / dim;
      const projected = await rows.project(concat(restarts.map((r) => r.point)), mask, projection);
      const prompts = restarts.map((_, r) => withFixed(projected.subarray(r * length, (r + 1) * length), fixed));
      const found = await gradients.run(prompts, direction, key);
      return restarts.map(({ index, point, state }, r) => {
        updateAdamW(point, found[r].lossGradient, state, options);
        for (const [m, id] of fixed) setRow(point, m, id);
        return { restart: index, ids: prompts[r], embedding: found[r].embedding };
      });
    },
  };
}

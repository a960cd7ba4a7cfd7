// The gradient of prompts, computed once per (prompt, direction): it depends on nothing else, so a revisit costs nothing.
import type { TextGradient } from './text-gradient.ts';

export interface PromptGradient {
  /** The unit text embedding [P]. */
  readonly embedding: Float32Array;
  /** d(−embedding·direction)/dP' at the learned positions: [M·D]. */
  readonly lossGradient: Float32Array;
}

export interface GradientMemory {
  /** prompts: learned ids [B][M] → their gradients; the same ids and key give the same object as long as it is remembered. */
  run(prompts: readonly (readonly number[])[], direction: Float32Array, key: string): Promise<PromptGradient[]>;
  /** Number of gradients that were computed, and that were requested. */
  readonly computed: number;
  readonly asked: number;
}

export interface GradientMemoryOptions {
  readonly gradient: TextGradient;
  /** Learned ids → a whole row: start mark, template, prompt, end mark. */
  frame(ids: readonly number[]): readonly number[];
  /** Position of the first learned id in a row. */
  readonly offset: number;
  /** False: compute every time (for measuring what the memory saves). */
  readonly reuse?: boolean;
}

/** Remembered gradients take at most this much memory. */
const MEMORY_BYTES = 64 * 2 ** 20;

/** Wraps a text gradient with a memory that forgets the least recently used prompts. */
export function createGradientMemory({ gradient, frame, offset, reuse = true }: GradientMemoryOptions): GradientMemory {
  const memory = new Map<string, PromptGradient>();
  const { dim } = gradient.table;
  let computed = 0;
  let asked = 0;

  const remember = (key: string, found: PromptGradient) => {
    memory.delete(key);
    memory.set(key, found);
    const most = Math.max(8, Math.floor(MEMORY_BYTES / (4 * found.lossGradient.length)));
    for (const oldest of memory.keys()) {
      if (memory.size <= most) break;
      memory.delete(oldest);
    }
  };

  return {
    get computed() {
      return computed;
    },
    get asked() {
      return asked;
    },
    async run(prompts, direction, key) {
      const keys = prompts.map((ids, i) => (reuse ? `${key}${ids}` : `${i}`));
      const found = new Map<string, PromptGradient>();
      const missing = new Map<string, readonly number[]>();
      keys.forEach((k, i) => {
        const known = reuse ? memory.get(k) : undefined;
        if (known) found.set(k, known);
        else missing.set(k, prompts[i]);
      });
      asked += prompts.length;
      computed += missing.size;
      if (missing.size > 0) {
        const ids = [...missing.values()];
        const { embeddings, gradients } = await gradient.run(ids.map(frame), direction);
        [...missing.keys()].forEach((k, i) => {
          const learned = gradients[i].slice(offset * dim, (offset + ids[i].length) * dim);
          found.set(k, { embedding: embeddings[i], lossGradient: learned.map((g) => -g) });
        });
      }
      if (reuse) for (const [k, value] of found) remember(k, value);
      return keys.map((k) => found.get(k)!);
    },
  };
}

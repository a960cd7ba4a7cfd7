// Nodes that wait for each other → `dependency_cycle` at each of them (protocol: Validation order).
import type { PromptError } from '../../schemas/errors.ts';
import type { ApiNode } from '../../schemas/prompt.ts';
import { dependencyCycle } from './problems.ts';
import type { Path } from './visit.ts';

/** Cycles that are told; the others are found once these are mended. Telling one means walking along it. */
const MAX_TOLD = 10;

/** The cycles of one prompt. */
export class Cycles {
  readonly #graph: ReadonlyMap<string, ApiNode>;
  readonly #errors = new Map<string, PromptError>();
  #told = 0;

  constructor(graph: ReadonlyMap<string, ApiNode>) {
    this.#graph = graph;
  }

  /** The last node of `path` links back to `id`, which is on it. A node has the error of the first of its cycles. */
  record(id: string, path: Path): void {
    if (this.#told++ >= MAX_TOLD) return;
    const ids = path.slice(path.indexOf(id));
    const cycle = ids.map((node) => ({ id: node, classType: this.#graph.get(node)!.class_type }));
    const error = dependencyCycle(ids[0], cycle);
    for (const node of ids) {
      if (this.#errors.has(node)) continue;
      this.#errors.set(node, { ...error, extra_info: { ...error.extra_info, node_id: node } });
    }
  }

  errorsOf(id: string): readonly PromptError[] {
    const error = this.#errors.get(id);
    return error ? [error] : [];
  }
}

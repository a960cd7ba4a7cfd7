// Events of a running prompt → how far it is, as one snapshot (protocol: Jobs of API v2).
import type { ExecutionEvent, NodeProgress } from '../../schemas/events.ts';
import type { ApiGraph } from '../../schemas/prompt.ts';

export interface ProgressSnapshot {
  /** Of the whole: 0 to 1. */
  readonly value: number;
  readonly nodesDone: number;
  readonly nodesTotal: number;
  readonly node: string | undefined;
  readonly nodeClass: string | undefined;
  /** Of the node that runs; undefined if it does not tell. */
  readonly step: number | undefined;
  readonly steps: number | undefined;
}

/** Nodes of the submitted graph count; those of expansions are parts of the node that made them. */
export class JobProgress {
  readonly #graph: ApiGraph;
  readonly #total: number;
  readonly #done = new Set<string>();
  #node: string | undefined;
  #step: Pick<NodeProgress, 'value' | 'max'> | undefined;

  constructor(graph: ApiGraph) {
    this.#graph = graph;
    this.#total = Object.keys(graph).length;
  }

  /** Takes an event; returns whether the snapshot is another now. */
  take({ type, data }: ExecutionEvent): boolean {
    if (type === 'execution_cached') for (const id of data.nodes) this.#finish(id);
    else if (type === 'executed') this.#finish(data.node);
    else if (type === 'executing') this.#begin(data.display_node ?? data.node ?? undefined);
    else if (type === 'progress_state') for (const node of Object.values(data.nodes)) this.#takeNode(node);
    else return false;
    return true;
  }

  snapshot(): ProgressSnapshot {
    const { value, max } = this.#step ?? { value: 0, max: 0 };
    const fraction = max > 0 ? Math.min(1, Math.max(0, value / max)) : 0;
    const counts = this.#step !== undefined && max > 1;
    return {
      value: this.#total === 0 ? 0 : Math.min(1, (this.#done.size + fraction) / this.#total),
      nodesDone: this.#done.size,
      nodesTotal: this.#total,
      node: this.#node,
      nodeClass: this.#node === undefined ? undefined : this.#graph[this.#node]?.class_type,
      step: counts ? Math.round(value) : undefined,
      steps: counts ? Math.round(max) : undefined,
    };
  }

  #takeNode(node: NodeProgress): void {
    if (node.state === 'finished') this.#finish(node.node_id);
    else if (node.state === 'running') {
      this.#begin(node.display_node_id);
      if (node.node_id === this.#node) this.#step = { value: node.value, max: node.max };
    }
  }

  #begin(id: string | undefined): void {
    if (id === this.#node || id === undefined || this.#done.has(id)) return;
    this.#node = id;
    this.#step = undefined;
  }

  #finish(id: string): void {
    if (Object.hasOwn(this.#graph, id)) this.#done.add(id);
    if (id !== this.#node) return;
    this.#node = undefined;
    this.#step = undefined;
  }
}

// Class name → node, and the pack it came from: what validation, object_info and the executor look nodes up in.
import type { NodeDefinition } from '../../nodes/define-node.ts';

export interface RegisteredNode {
  readonly definition: NodeDefinition;
  /** object_info's `python_module`: `nodes` for ours, `custom_nodes.<folder>` for a pack's. */
  readonly module: string;
}

export type Registry = ReadonlyMap<string, RegisteredNode>;

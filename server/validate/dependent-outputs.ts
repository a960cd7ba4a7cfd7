// Which failed outputs depend on a wrong node: `dependent_outputs` (protocol: Validation errors).
import type { ApiNode } from '../../schemas/prompt.ts';

/** Beyond this many, a failed output is listed only at itself: each one traced costs a walk through its ancestors. */
const MAX_TRACED = 200;

/** Wrong node → the failed outputs that reach it through links, in the order of `failed`. */
export function dependentOutputs(
  failed: readonly string[],
  wrong: ReadonlySet<string>,
  graph: ReadonlyMap<string, ApiNode>,
): Map<string, string[]> {
  const dependents = new Map<string, string[]>();
  for (const [index, output] of failed.entries()) {
    for (const id of index < MAX_TRACED ? ancestors(output, graph) : [output]) {
      if (!wrong.has(id)) continue;
      const known = dependents.get(id);
      if (known) known.push(output);
      else dependents.set(id, [output]);
    }
  }
  return dependents;
}

/** The node and everything that its links lead to. */
function ancestors(first: string, graph: ReadonlyMap<string, ApiNode>): Set<string> {
  const seen = new Set([first]);
  for (const id of seen) {
    for (const value of Object.values(graph.get(id)?.inputs ?? {})) {
      if (Array.isArray(value) && value.length === 2 && graph.has(value[0])) seen.add(value[0]); // visited by this loop
    }
  }
  return seen;
}

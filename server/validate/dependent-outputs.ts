// Which failed outputs depend on a wrong node: `dependent_outputs` (protocol: Validation errors).
import type { ApiNode } from '../../schemas/prompt.ts';

/**
 * Limits of the answer and of the time it takes, over all outputs: links followed, and characters of the ids listed. Beyond them a
 * failed output is listed only at itself.
 */
const MAX_LINKS = 200_000;
const MAX_CHARACTERS = 500_000;

/** Wrong node → the failed outputs that reach it through links, in the order of `failed`. */
export function dependentOutputs(
  failed: readonly string[],
  wrong: ReadonlySet<string>,
  graph: ReadonlyMap<string, ApiNode>,
): Map<string, string[]> {
  const dependents = new Map<string, string[]>();
  const left = { links: MAX_LINKS, characters: MAX_CHARACTERS };
  for (const output of failed) {
    const traced = left.links > 0 && left.characters > 0 ? ancestors(output, graph, left) : [output];
    for (const id of traced) {
      if (!wrong.has(id)) continue;
      if (id !== output && left.characters < output.length) continue;
      left.characters -= output.length;
      const known = dependents.get(id);
      if (known) known.push(output);
      else dependents.set(id, [output]);
    }
  }
  return dependents;
}

/** The node and everything that its links lead to, as far as `left` allows. */
function ancestors(first: string, graph: ReadonlyMap<string, ApiNode>, left: { links: number }): Set<string> {
  const seen = new Set([first]);
  for (const id of seen) {
    for (const value of Object.values(graph.get(id)?.inputs ?? {})) {
      if (left.links-- <= 0) return seen;
      if (Array.isArray(value) && value.length === 2 && graph.has(value[0])) seen.add(value[0]); // visited by this loop
    }
  }
  return seen;
}

// Puts the graphs that a node returned into the running prompt; the node waits for what its outputs link to.
import type { GraphNode } from './graph.ts';
import { type CallResult, linksOf } from './node-results.ts';
import { type PromptState, restoreCached, settleRestored } from './prompt-state.ts';

/** Adds the expansions to the graph and schedules what they must run; `node` goes back into the schedule. */
export async function expandNode(prompt: PromptState, node: GraphNode, results: readonly CallResult[]): Promise<void> {
  const { graph, registry, schedule, store, cache } = prompt;
  const added = results.flatMap((result) => (result.expand ? graph.expand(node.id, result.expand) : []));
  for (const id of added) checkExpanded(prompt, graph.need(id));
  const outputs = added.filter((id) => registry.get(graph.need(id).classType)?.definition.outputNode);
  const linked = linksOf(results).map(([from]) => from);
  for (const id of linked) graph.need(id);
  await cache.noteExpansion(node.id, added);
  store.track([...outputs, ...linked]);
  for (const id of linked) store.addConsumer(id, node.id);
  const cached = await restoreCached(prompt, added);
  for (const id of outputs) schedule.add(id);
  for (const id of linked) schedule.require(id, node.id);
  await settleRestored(prompt, cached);
  schedule.putBack(node.id);
}

function checkExpanded({ registry, graph }: PromptState, { id, classType, inputs }: GraphNode): void {
  if (!registry.has(classType)) throw new Error(`The expansion's node ${id} has the unknown class ${classType}.`);
  for (const [name, source] of inputs) {
    if (!('link' in source) || graph.get(source.link[0])) continue;
    throw new Error(
      `Input ${name} of the expansion's node ${id} links to node ${source.link[0]}, which does not exist.`,
    );
  }
}

// Values that a node asks the executor for, under ComfyUI's names for them (protocol: Hidden inputs).
import type { HiddenValues } from '../../nodes/define-node.ts';
import type { Job } from '../job.ts';
import type { Registry } from '../packs/registry.ts';
import type { DynamicGraph, GraphNode } from './graph.ts';

/** Gives the hidden inputs of a node, under the names that its declaration uses. */
export function hiddenValues(job: Job, graph: DynamicGraph, registry: Registry) {
  const give: { readonly [K in keyof HiddenValues]: (node: GraphNode) => HiddenValues[K] } = {
    PROMPT: () => job.prompt,
    EXTRA_PNGINFO: () => asObject(job.extraData.extra_pnginfo),
    UNIQUE_ID: (node) => node.id,
    DYNPROMPT: () => graph.toApi(),
  };
  return (node: GraphNode): Record<string, unknown> => {
    const declared = Object.entries(registry.get(node.classType)?.definition.hidden ?? {});
    // Hidden inputs of the node's own are gathered with its other inputs.
    return Object.fromEntries(
      declared.flatMap(([name, value]) => (typeof value === 'string' ? [[name, give[value](node)]] : [])),
    );
  };
}

const asObject = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;

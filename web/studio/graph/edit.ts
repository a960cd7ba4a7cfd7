// Graphs in API format → changed graphs: other values, other pictures, a prompt that is known already, nodes that look at the words.
import type { ApiGraph, ApiNode, Link } from '../../../schemas/prompt.ts';
import type { ObjectInfo } from './slots.ts';

export const isLink = (value: unknown): value is Link =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && typeof value[1] === 'number';

/** Nodes whose first output is a prompt. */
const PRODUCERS = ['PEZInvert', 'PromptBlend', 'DistilPrompt', 'TokenSwap'];

export const idsOf = (graph: ApiGraph, classType: string): string[] =>
  Object.keys(graph).filter((id) => graph[id].class_type === classType);

/** The node of that title, or else the first of that class: `Positive prompt`, `KSampler`. */
export const findNode = (graph: ApiGraph, name: string): string | undefined =>
  Object.keys(graph).find((id) => graph[id]._meta?.title === name) ?? idsOf(graph, name)[0];

export const setInput = (graph: ApiGraph, id: string, name: string, value: unknown): ApiGraph => ({
  ...graph,
  [id]: { ...graph[id], inputs: { ...graph[id].inputs, [name]: value } },
});

export const setAll = (graph: ApiGraph, classType: string, name: string, value: unknown): ApiGraph =>
  idsOf(graph, classType).reduce((changed, id) => setInput(changed, id, name, value), graph);

/** Only what output nodes need. */
export function prune(graph: ApiGraph, info: ObjectInfo): ApiGraph {
  const needed = new Set<string>();
  const visit = (id: string) => {
    if (needed.has(id) || !graph[id]) return;
    needed.add(id);
    for (const value of Object.values(graph[id].inputs)) if (isLink(value)) visit(value[0]);
  };
  for (const id of Object.keys(graph)) if (info[graph[id].class_type]?.output_node) visit(id);
  return Object.fromEntries(Object.entries(graph).filter(([id]) => needed.has(id)));
}

/** The node whose first output is the graph's prompt: the last one that makes prompts. */
export function producerOf(graph: ApiGraph): string | undefined {
  const producers = Object.keys(graph).filter((id) => PRODUCERS.includes(graph[id].class_type));
  const isFed = (id: string) =>
    producers.some((other) => other !== id && Object.values(graph[other].inputs).some((v) => isLink(v) && v[0] === id));
  return producers.find((id) => !isFed(id));
}

/** Pictures in the order of the Load Image nodes. */
export const withPictures = (graph: ApiGraph, names: readonly string[]): ApiGraph =>
  idsOf(graph, 'LoadImage').reduce(
    (changed, id, i) => (names[i] === undefined ? changed : setInput(changed, id, 'image', names[i])),
    graph,
  );

/** Load Image nodes for these pictures, all in one batch, and the link to it. */
export function batchOf(names: readonly string[]): { nodes: ApiGraph; last: Link } {
  const nodes: Record<string, ApiNode> = {};
  let last: Link = ['picture-1', 0];
  for (const [i, image] of names.entries()) {
    const id = `picture-${i + 1}`;
    nodes[id] = { class_type: 'LoadImage', inputs: { image }, _meta: { title: `Picture ${i + 1}` } };
    if (i === 0) continue;
    nodes[`batch-${i}`] = { class_type: 'ImageBatch', inputs: { image1: last, image2: [id, 0] } };
    last = [`batch-${i}`, 0];
  }
  return { nodes, last };
}

/** Any number of pictures in one batch, in place of the graph's Load Image and Image Batch nodes. */
export function withBatch(graph: ApiGraph, names: readonly string[]): ApiGraph {
  const old = new Set([...idsOf(graph, 'LoadImage'), ...idsOf(graph, 'ImageBatch')]);
  const kept = Object.entries(graph).filter(([id]) => !old.has(id));
  const { nodes, last } = batchOf(names);
  const relinked = kept.map(([id, node]): [string, ApiNode] => {
    const inputs = Object.entries(node.inputs).map(([name, value]) => [
      name,
      isLink(value) && old.has(value[0]) ? last : value,
    ]);
    return [id, { ...node, inputs: Object.fromEntries(inputs) }];
  });
  return { ...nodes, ...Object.fromEntries(relinked) };
}

/** The same graph with the prompt given: nothing is searched for, what only showed the search is left out. */
export function withPrompt(graph: ApiGraph, text: string, info: ObjectInfo): ApiGraph {
  const makes = (value: unknown) => isLink(value) && PRODUCERS.includes(graph[value[0]]?.class_type);
  const kept = Object.entries(graph).flatMap(([id, node]): [string, ApiNode][] => {
    if (PRODUCERS.includes(node.class_type)) return [];
    if (node.class_type === 'CLIPTextEncode' && makes(node.inputs.text))
      return [[id, { ...node, inputs: { ...node.inputs, text } }]];
    return Object.values(node.inputs).some(makes) ? [] : [[id, node]];
  });
  return prune(Object.fromEntries(kept), info);
}

/** Adds a node that says what each word carries, for the pictures that were searched for, or else the first of the graph. */
export function withWordReport(graph: ApiGraph): ApiGraph {
  const producer = producerOf(graph);
  if (!producer) return graph;
  const { clip, images } = graph[producer].inputs;
  const [picture] = idsOf(graph, 'LoadImage');
  const image = images ?? (picture === undefined ? undefined : [picture, 0]);
  const inputs = { clip, prompt: [producer, 0], ...(image !== undefined && { image }) };
  return { ...graph, words: { class_type: 'PromptWords', inputs, _meta: { title: 'Prompt Words' } } };
}

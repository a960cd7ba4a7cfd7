// A tower as its export has it → the path of one with the usual names (input_ids → text_embeds, pixel_values → image_embeds), whose batch is
// free where its graph allows that. The weights stay in the export: only a small graph is written, into the cache.
import { type PlaceOptions, placeGraph } from '../architectures/place-graph.ts';
import { InputError } from '../errors.ts';
import type { TowerNames } from '../hub/clip-layouts/layout.ts';
import type { Tower } from '../hub/variant.ts';
import { type Dim, type Model, type Node, prune, type ValueInfo } from '../onnx/graph.ts';
import { readGraph, type StoredGraph } from '../onnx/read-graph.ts';
import { isBatchFirst } from './batch-first.ts';

const USUAL: Record<Tower, { input: string; output: string }> = {
  text: { input: 'input_ids', output: 'text_embeds' },
  vision: { input: 'pixel_values', output: 'image_embeds' },
};

export type PrepareOptions = Pick<PlaceOptions, 'cacheDir'>;

/** Path of the tower under its usual names. Throws MODEL_NOT_FOUND, MODEL_INVALID, MODEL_UNSUPPORTED (it has other names than its layout says). */
export function prepareTower(path: string, tower: Tower, names: TowerNames, { cacheDir }: PrepareOptions = {}): string {
  const { model, weights } = readGraph(path);
  const { input, output } = USUAL[tower];
  const theirs = {
    input: model.inputs.find(({ name }) => name === input || name === names.input),
    output: model.outputs.find(({ name }) => name === output || names.outputs.includes(name)),
  };
  if (!theirs.input || !theirs.output) throw otherNames(model, names);
  if (theirs.input.name === input && theirs.output.name === output) return path;
  const freed = freeBatch({ model, weights }, theirs.input);
  const kept = prune({ ...model, outputs: [theirs.output] }, { keepInputs: true });
  const renamed: Model = {
    ...kept,
    inputs: model.inputs.map((i) => (i === theirs.input ? { ...freed, name: input } : i)),
    outputs: [{ name: output }],
    nodes: [...bridge(input, theirs.input.name), ...kept.nodes, ...bridge(theirs.output.name, output)],
  };
  return placeGraph({ model: renamed, weights }, { name: `${tower}_model`, cacheDir });
}

/** Two names for one value. */
const bridge = (from: string, to: string): Node[] =>
  from === to
    ? []
    : [{ op: 'Identity', domain: '', name: `pez-nodes/${to}`, inputs: [from], outputs: [to], attributes: new Map() }];

/** The input with a free batch, if every row of it is computed for itself whatever their number. */
function freeBatch(graph: StoredGraph, input: ValueInfo): ValueInfo {
  const [batch, ...rest] = input.dims;
  if (batch !== 1 || !isBatchFirst(graph, input)) return input;
  const dims: Dim[] = ['batch', ...rest];
  return { ...input, dims };
}

function otherNames({ source, inputs, outputs }: Model, names: TowerNames): InputError {
  const listed = (values: readonly { name: string }[]) => values.map(({ name }) => name).join(', ');
  return new InputError(
    'MODEL_UNSUPPORTED',
    `${source} has the inputs ${listed(inputs)} and the outputs ${listed(outputs)}; a tower of this layout has the input ${names.input} and the output ${names.outputs.join(' or ')}.`,
  );
}

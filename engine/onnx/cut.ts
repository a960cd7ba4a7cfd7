// Text encoder → the same encoder from its token embeddings on, and the embedding table apart.
//
//   input_ids [B, L] ─► Gather(table [V, D]) ─► h [B, L, D] ─► …     becomes     inputs_embeds [B, L, D] ─► …
import { InputError } from '../errors.ts';
import { intAttribute, type Model, type Node, type ValueInfo } from './graph.ts';
import { isFloat, type Tensor, toFloat32 } from './tensor.ts';
import { widenHalves } from './widen.ts';

export interface EmbeddingTable {
  /** float32 [V, D], row-major. */
  readonly data: Float32Array;
  readonly vocabSize: number;
  readonly dim: number;
}

/** Name of the input that stands where the lookup was. */
export const EMBEDS = 'inputs_embeds';

/** Ops that hand token ids on as they are. */
const PASSES_IDS = new Set(['Identity', 'Cast', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Expand']);

/**
 * Cuts a text encoder at its token-embedding lookup. The result has the input `inputs_embeds` float32 [B, L, D]
 * beside those it had; `table` is what was looked up in. Throws MODEL_UNSUPPORTED where there is no such lookup.
 */
export function cutAtEmbedding(original: Model): { model: Model; table: EmbeddingTable } {
  const model = widenHalves(original);
  const lookup = findLookup(model);
  const constant = model.constants.get(lookup.inputs[0])!;
  const [, dim] = constant.dims;
  const embeds: ValueInfo = { name: EMBEDS, type: 'float32', dims: ['batch', 'sequence', dim] };
  const bridge: Node = {
    op: 'Identity',
    domain: '',
    name: `${lookup.name}/cut`,
    inputs: [EMBEDS],
    outputs: lookup.outputs,
    attributes: new Map(),
  };
  return {
    model: {
      ...model,
      inputs: [...model.inputs, embeds],
      nodes: model.nodes.map((n) => (n === lookup ? bridge : n)),
    },
    table: tableOf(constant),
  };
}

/** Read when its numbers are first asked for. */
function tableOf(constant: Tensor): EmbeddingTable {
  const [vocabSize, dim] = constant.dims;
  let data: Float32Array | undefined;
  return {
    vocabSize,
    dim,
    get data() {
      data ??= toFloat32(constant);
      return data;
    },
  };
}

function findLookup(model: Model): Node {
  const producers = new Map(model.nodes.flatMap((n) => n.outputs.map((o) => [o, n] as const)));
  const comesFromIds = (name: string): boolean => {
    if (name === 'input_ids') return true;
    const node = producers.get(name);
    return node !== undefined && PASSES_IDS.has(node.op) && comesFromIds(node.inputs[0]);
  };
  if (!model.inputs.some((i) => i.name === 'input_ids')) {
    throw new InputError(
      'MODEL_UNSUPPORTED',
      `${model.source} has the inputs ${model.inputs.map((i) => i.name).join(', ')}, and no "input_ids": it is not a text encoder.`,
    );
  }
  const lookups = model.nodes.filter(
    (n) => n.op === 'Gather' && intAttribute(n, 'axis', 0) === 0 && comesFromIds(n.inputs[1]),
  );
  const lookup = lookups.find((n) => {
    const table = model.constants.get(n.inputs[0]);
    return table?.dims.length === 2 && isFloat(table.type);
  });
  if (lookup) return lookup;
  const hint = lookups.length ? ' Its embedding table is quantised: take the fp32 or fp16 variant.' : '';
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `${model.source} looks up no float [V, D] table by "input_ids", so it has no token embeddings to search.${hint}`,
  );
}

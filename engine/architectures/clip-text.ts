// Parameters of a CLIP text tower → its graph: token ids [B, S] → the embedding of the text, and the states of each layer.
import { elementCode } from '../onnx/tensor.ts';
import { type ClipEncoderConfig, clipLayers, countLayers, projectionSize } from './clip-encoder.ts';
import { GraphBuilder, type Value, type WeightGraph } from './graph-builder.ts';
import { type Context, layerNorm, linear, type Parameters, parameter } from './layers.ts';

export interface ClipTextConfig extends ClipEncoderConfig {
  /**
   * The id whose first place is where the text ends. Undefined: the place of the largest id, as OpenAI's code reads CLIP's vocabulary, whose last
   * token is the end of text.
   */
  readonly endId?: number;
}

export interface ClipTextParts {
  readonly config: ClipTextConfig;
  /** Under the names of transformers' CLIPTextModelWithProjection; sizes are read off them. */
  readonly parameters: Parameters;
  /** Also the states of every layer, `hidden_states.N` and `normed_hidden_states.N`, for checkpoints. */
  readonly hiddenStates?: boolean;
}

const BATCH = 'batch';
const SEQUENCE = 'sequence';
const TOKENS = 'text_model.embeddings.token_embedding.weight';
const POSITIONS = 'text_model.embeddings.position_embedding.weight';
/** Far below any score, and finite whatever is added. */
const HIDDEN = -1e30;

/**
 * Input: `input_ids` int64 [batch, sequence], sequence at most the rows of the position table. Outputs: `text_embeds` [batch, P] if the model has a
 * projection, `pooler_output` [batch, D], `last_hidden_state` [batch, sequence, D]; with `hiddenStates` also `hidden_states.N` [batch, sequence, D] for
 * N = 0 (the embeddings) to the number of layers, and `normed_hidden_states.N`, the same after the final normalisation. Throws MODEL_INVALID.
 */
export function buildClipText({ config, parameters, hiddenStates = false }: ClipTextParts): WeightGraph {
  const graph = new GraphBuilder(parameters.source);
  const context = { graph, parameters };
  const ids = graph.input('input_ids', 'int64', [BATCH, SEQUENCE]);
  const sizes = clipTextSizes(parameters);
  const { width, projection } = sizes;
  const { embeddings, mask } = embed(context, ids, sizes);
  const layers = clipLayers(context, embeddings, { ...config, prefix: 'text_model', width, mask });
  const norm = (states: Value) =>
    layerNorm(context, states, { prefix: 'text_model.final_layer_norm', epsilon: config.epsilon });
  const last = norm(layers[layers.length - 1]);
  const pooled = graph.add('GatherND', [last, endOf(graph, ids, config.endId)], { batch_dims: 1 });
  if (projection) graph.output('text_embeds', linear(context, pooled, 'text_projection'), [BATCH, projection]);
  graph.output('pooler_output', pooled, [BATCH, width]);
  const states = [BATCH, SEQUENCE, width];
  graph.output('last_hidden_state', last, states);
  if (hiddenStates)
    layers.forEach((layer, n) => {
      graph.output(`hidden_states.${n}`, layer, states);
      graph.output(`normed_hidden_states.${n}`, n === layers.length - 1 ? last : norm(layer), states);
    });
  return graph.build();
}

/** What a text tower's tensors say. */
export interface ClipTextSizes {
  readonly vocabulary: number;
  /** D. */
  readonly width: number;
  /** The longest text, in tokens. */
  readonly context: number;
  readonly layers: number;
  /** P; undefined if the tower does not end in the space that it shares with pictures. */
  readonly projection: number | undefined;
}

/** Throws MODEL_INVALID if a table is missing or fits no other. */
export function clipTextSizes(parameters: Parameters): ClipTextSizes {
  const need = (name: string, dims: readonly number[]) => parameter({ parameters }, name, dims).dims;
  const [vocabulary, width] = need(TOKENS, [-1, -1]);
  const [context] = need(POSITIONS, [-1, width]);
  const projection = projectionSize(parameters, { prefix: 'text_projection', width });
  return { vocabulary, width, context, layers: countLayers(parameters, 'text_model'), projection };
}

/** Tokens and positions [B, S, D], and what hides from each position those that come after it [S, S]. */
function embed(context: Context, ids: Value, sizes: ClipTextSizes) {
  const { graph } = context;
  const table = parameter(context, TOKENS, [-1, -1]);
  // The table is looked up as it is stored: of its rows, few are needed, and the search for prompts reads it where it lies.
  const looked = graph.add('Gather', [graph.storedWeight(table), ids]);
  const tokens = table.type === 'float32' ? looked : graph.add('Cast', [looked], { to: elementCode('float32') });
  const length = graph.add('Shape', [ids], { start: 1 });
  const first = (rows: Value) => graph.add('Slice', [rows, graph.ints(0), length, graph.ints(0)]);
  const positions = graph.weight(parameter(context, POSITIONS, [sizes.context, sizes.width]));
  const places = first(graph.ints(...Array.from({ length: sizes.context }, (_, i) => i)));
  const later = graph.add('Greater', [
    graph.add('Unsqueeze', [places, graph.ints(0)]),
    graph.add('Unsqueeze', [places, graph.ints(1)]),
  ]);
  return {
    embeddings: graph.add('Add', [tokens, first(positions)]),
    mask: graph.add('Where', [later, graph.scalar(HIDDEN), graph.scalar(0)]),
  };
}

/** The place of the end of each text, int64 [B, 1]. ArgMax takes the first of equals. */
function endOf(graph: GraphBuilder, ids: Value, endId: number | undefined): Value {
  const found = endId === undefined ? ids : graph.add('Equal', [ids, graph.constant('int64', [], [endId])]);
  const numbers = graph.add('Cast', [found], { to: elementCode('int32') });
  return graph.add('ArgMax', [numbers], { axis: -1, keepdims: 1 });
}

// Parameters of a CLIP picture tower (a ViT) → its graph: pixels [B, 3, H, H] → the embedding of the picture.
import { InputError } from '../errors.ts';
import { type ClipEncoderConfig, clipLayers, countLayers, projectionSize } from './clip-encoder.ts';
import { GraphBuilder, type Value, type WeightGraph } from './graph-builder.ts';
import { type Context, layerNorm, linear, type Parameters, parameter } from './layers.ts';

export interface ClipVisionParts {
  readonly config: ClipEncoderConfig;
  /** Under the names of transformers' CLIPVisionModelWithProjection; sizes are read off them. */
  readonly parameters: Parameters;
}

/** What a picture tower's tensors say about the pictures that it reads. */
export interface ClipVisionSizes {
  /** D. */
  readonly width: number;
  /** Of a square patch, in pixels. */
  readonly patch: number;
  /** Height and width of a picture, in pixels. */
  readonly image: number;
  readonly layers: number;
  /** P; undefined if the tower has no projection. */
  readonly projection: number | undefined;
}

const BATCH = 'batch';

/** Reads the sizes off the tensors. Throws MODEL_INVALID if they fit no square picture. */
export function clipVisionSizes(parameters: Parameters): ClipVisionSizes {
  const need = (name: string, dims: readonly number[]) => parameter({ parameters }, name, dims).dims;
  const [width, , patch] = need('vision_model.embeddings.patch_embedding.weight', [-1, 3, -1, -1]);
  need('vision_model.embeddings.patch_embedding.weight', [width, 3, patch, patch]);
  const [positions] = need('vision_model.embeddings.position_embedding.weight', [-1, width]);
  const side = Math.sqrt(positions - 1);
  if (!Number.isInteger(side) || side === 0)
    throw new InputError(
      'MODEL_INVALID',
      `${parameters.source}: a table of ${positions} positions fits no square picture and its class token.`,
    );
  const projection = projectionSize(parameters, { prefix: 'visual_projection', width });
  const layers = countLayers(parameters, 'vision_model');
  return { width, patch, image: side * patch, layers, projection };
}

/**
 * Input: `pixel_values` [batch, 3, H, H], normalised. Outputs: `image_embeds` [batch, P] if the model has a projection, `pooler_output` [batch, D],
 * `last_hidden_state` [batch, 1 + patches, D], as transformers names them. Throws MODEL_INVALID.
 */
export function buildClipVision({ config, parameters }: ClipVisionParts): WeightGraph {
  const graph = new GraphBuilder(parameters.source);
  const context = { graph, parameters };
  const { width, image, patch, projection } = clipVisionSizes(parameters);
  const norm = (states: Value, name: string) =>
    layerNorm(context, states, { prefix: `vision_model.${name}`, epsilon: config.epsilon });
  const pixels = graph.input('pixel_values', 'float32', [BATCH, 3, image, image]);
  // The missing r is transformers' own.
  const embeddings = norm(embed(context, pixels, { width, patch }), 'pre_layrnorm');
  const last = clipLayers(context, embeddings, { ...config, prefix: 'vision_model', width }).at(-1)!;
  const pooled = norm(graph.add('Gather', [last, graph.constant('int64', [], [0])], { axis: 1 }), 'post_layernorm');
  if (projection) graph.output('image_embeds', linear(context, pooled, 'visual_projection'), [BATCH, projection]);
  graph.output('pooler_output', pooled, [BATCH, width]);
  graph.output('last_hidden_state', last, [BATCH, (image / patch) ** 2 + 1, width]);
  return graph.build();
}

/** The class token and the patches, row by row, with their positions: [B, 1 + patches, D]. */
function embed(context: Context, pixels: Value, { width, patch }: { width: number; patch: number }): Value {
  const { graph } = context;
  const weight = (name: string, dims: readonly number[]) =>
    graph.weight(parameter(context, `vision_model.embeddings.${name}`, dims));
  const kernel = weight('patch_embedding.weight', [width, 3, patch, patch]);
  const convolved = graph.add('Conv', [pixels, kernel], { kernel_shape: [patch, patch], strides: [patch, patch] });
  const patches = graph.add('Transpose', [graph.add('Reshape', [convolved, graph.ints(0, 0, -1)])], {
    perm: [0, 2, 1],
  });
  const batch = graph.add('Shape', [pixels], { end: 1 });
  const dims = graph.add('Concat', [batch, graph.ints(1, width)], { axis: 0 });
  const token = graph.add('Expand', [weight('class_embedding', [width]), dims]);
  const sequence = graph.add('Concat', [token, patches], { axis: 1 });
  return graph.add('Add', [sequence, weight('position_embedding.weight', [-1, width])]);
}

// A LoRA file (kohya's, diffusers' or PEFT's names) → for each layer that it changes, the two thin matrices of its low-rank branch:
//
//   y = W·x + strength · scale · up·(down·x)          scale = alpha / rank (Hu et al. 2021, arXiv 2106.09685)
//
// The weights of the model stay as they are, so a strength is just an input of the graph.
import { InputError } from '../errors.ts';
import { toNumbers } from '../onnx/tensor.ts';
import { openWeights, readWeight, type Weight, type Weights } from '../safetensors/weights.ts';

/** The branch of one layer. */
export interface LoraBranch {
  /** [rank, in], or a convolution's [rank, in, k, k]. */
  readonly down: Weight;
  /** [out, rank], or [out, rank, 1, 1]. */
  readonly up: Weight;
  /** alpha / rank; 1 if the file gives no alpha. */
  readonly scale: number;
}

export interface Lora {
  readonly path: string;
  /** The branch of a layer that may go by any of these names; undefined if the LoRA leaves it as it is. */
  find(stems: readonly string[]): LoraBranch | undefined;
  /** Names of all layers that it changes, as the file has them. */
  readonly stems: ReadonlySet<string>;
}

/** Ends of the two matrices' names, up and down, by who writes them so. */
const PAIRS: readonly (readonly [up: string, down: string])[] = [
  ['.lora_up.weight', '.lora_down.weight'], // kohya
  ['.lora_B.weight', '.lora_A.weight'], // PEFT, diffusers
  ['.lora_B.default.weight', '.lora_A.default.weight'], // PEFT's checkpoints
  ['_lora.up.weight', '_lora.down.weight'], // diffusers' attention processors
  ['.lora.up.weight', '.lora.down.weight'],
  ['.lora_linear_layer.up.weight', '.lora_linear_layer.down.weight'], // diffusers' text encoders
];

/** Ends of names that other methods use → the method. */
const OTHER_METHODS: readonly (readonly [end: RegExp, method: string])[] = [
  [/\.hada_[wt]\d/, 'LoHa'],
  [/\.lokr_[wt]\d/, 'LoKr'],
  [/\.(dora_scale|lora_magnitude_vector)/, 'DoRA'],
  [/\.lora_mid\.weight$/, 'LoCon with a middle matrix (CP decomposition)'],
  [/\.(oft_blocks|oft_diag|oft_R)/, 'OFT'],
  [/\.(a1|a2|b1|b2)\.weight$/, 'GLoRA'],
  [/\.(diff|diff_b|w_norm|b_norm|set_weight|reshape_weight)$/, 'a full difference of weights'],
  [/\.on_input$/, 'IA³'],
];

/** Opens a LoRA; only its header and its alphas are read. Throws MODEL_NOT_FOUND, MODEL_INVALID, MODEL_UNSUPPORTED. */
export function openLora(path: string): Lora {
  const weights = openWeights(path);
  refuseOthers(weights);
  const parts = new Map<string, { up?: string; down?: string }>();
  for (const name of weights.names) {
    const end = endOf(name);
    if (!end) continue;
    const stem = name.slice(0, -end.text.length);
    parts.set(stem, { ...parts.get(stem), [end.side]: name });
  }
  if (parts.size === 0)
    throw new InputError('MODEL_UNSUPPORTED', `${path} is not a LoRA: it has ${someNames(weights)}.`);
  for (const [stem, { up, down }] of parts)
    if (!up || !down) throw new InputError('MODEL_INVALID', `${path} has only one of the two matrices of "${stem}".`);
  const known = new Map<string, LoraBranch>();
  return {
    path,
    stems: new Set(parts.keys()),
    find: (stems) => {
      const stem = stems.find((s) => parts.has(s));
      if (stem === undefined) return undefined;
      const branch = known.get(stem) ?? branchOf(weights, stem, parts.get(stem) as { up: string; down: string });
      known.set(stem, branch);
      return branch;
    },
  };
}

function refuseOthers({ names, source }: Weights): void {
  for (const name of names)
    for (const [end, method] of OTHER_METHODS)
      if (end.test(name))
        throw new InputError(
          'MODEL_UNSUPPORTED',
          `${source} holds ${method} ("${name}"); LoRAs with two matrices per layer (lora_up and lora_down, or lora_B and lora_A) can be used.`,
        );
}

function endOf(name: string): { side: 'up' | 'down'; text: string } | undefined {
  for (const [up, down] of PAIRS) {
    if (name.endsWith(up)) return { side: 'up', text: up };
    if (name.endsWith(down)) return { side: 'down', text: down };
  }
  return undefined;
}

const someNames = ({ names }: Weights): string =>
  names.size === 0 ? 'no tensors' : `tensors such as ${[...names].slice(0, 3).join(', ')}`;

function branchOf(weights: Weights, stem: string, names: { up: string; down: string }): LoraBranch {
  const [up, down] = [weights.get(names.up)!, weights.get(names.down)!];
  const rank = down.dims[0];
  const sound = up.dims.length === down.dims.length && (up.dims.length === 2 || up.dims.length === 4);
  if (!sound || up.dims[1] !== rank || up.dims.slice(2).some((d) => d !== 1))
    throw new InputError(
      'MODEL_INVALID',
      `${weights.source}: the matrices of "${stem}" are [${down.dims}] and [${up.dims}], which do not follow one another.`,
    );
  const alpha = weights.get(`${stem}.alpha`);
  return { up, down, scale: alpha ? toNumbers(readWeight(alpha))[0] / rank : 1 };
}

const underscored = (name: string): string => name.replaceAll('.', '_');

/**
 * The names that a layer of the U-Net may have in a LoRA. `name`: diffusers' (`down_blocks.0.attentions.0.proj_in`); `original`: that of the
 * original checkpoints (`input_blocks.1.1.proj_in`), which LoRAs for SD XL mostly have.
 */
export function unetStems(name: string, original: string | undefined): string[] {
  const processor = name.replace('.to_', '.processor.to_').replace(/\.to_out\.0$/, '.to_out');
  return [
    `lora_unet_${underscored(name)}`,
    `unet.${name}`,
    `unet.base_model.model.${name}`,
    `base_model.model.${name}`,
    `lycoris_${underscored(name)}`,
    name,
    `unet.${processor}`,
    processor,
    ...(original === undefined
      ? []
      : [`lora_unet_${underscored(original)}`, `diffusion_model.${original}`, `model.diffusion_model.${original}`]),
  ];
}

/** The names that a layer of text encoder `index` of `count` may have; `name`: transformers' (`text_model.encoder.layers.0.mlp.fc1`). */
export function textStems(name: string, index: number, count: number): string[] {
  const kohya = [...(index === 0 || count === 1 ? ['lora_te', 'lora_te1'] : []), ...(index === 1 ? ['lora_te2'] : [])];
  const diffusers = index === 0 ? 'text_encoder' : `text_encoder_${index + 1}`;
  return [
    ...kohya.map((prefix) => `${prefix}_${underscored(name)}`),
    `${diffusers}.${name}`,
    `${diffusers}.base_model.model.${name}`,
  ];
}

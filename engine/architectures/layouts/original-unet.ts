// A U-Net as Stable Diffusion's own code saves it → its parameters by their canonical names, which are those of diffusers.
//
//   input_blocks.1.0.in_layers.0.weight   down_blocks.0.resnets.0.norm1.weight
//   input_blocks.3.0.op.weight            down_blocks.0.downsamplers.0.conv.weight
//   middle_block.1.proj_in.weight         mid_block.attentions.0.proj_in.weight
//   output_blocks.2.1.conv.weight         up_blocks.0.upsamplers.0.conv.weight
//
// The original counts its blocks through all levels; where a level ends can be seen from the blocks that change the size.
import type { Weights } from '../../safetensors/weights.ts';
import type { Parameters } from '../layers.ts';

/** Canonical start of a name → the original's. */
const ENDS: Readonly<Record<string, string>> = {
  conv_in: 'input_blocks.0.0',
  'time_embedding.linear_1': 'time_embed.0',
  'time_embedding.linear_2': 'time_embed.2',
  'time_embedding.cond_proj': 'time_embed.cond_proj',
  'add_embedding.linear_1': 'label_emb.0.0',
  'add_embedding.linear_2': 'label_emb.0.2',
  conv_norm_out: 'out.0',
  conv_out: 'out.2',
};

/** Inside a residual block; attention has the same names in both. */
const RESIDUAL: Readonly<Record<string, string>> = {
  norm1: 'in_layers.0',
  conv1: 'in_layers.2',
  time_emb_proj: 'emb_layers.1',
  norm2: 'out_layers.0',
  conv2: 'out_layers.3',
  conv_shortcut: 'skip_connection',
};

const BLOCK =
  /^((?:down_blocks\.\d+|mid_block|up_blocks\.\d+)\.(resnets|attentions|downsamplers|upsamplers)\.\d+)\.(.+)\.(weight|bias)$/;
const END = /^(.+)\.(weight|bias)$/;

/** `prefix`: what stands before every name, e.g. "model.diffusion_model.". */
export function originalUnet(weights: Weights, prefix = ''): Parameters {
  const has = (name: string) => weights.names.has(prefix + name);
  const blocks = new Map([...downBlocks(has), ...MIDDLE, ...upBlocks(has)]);
  return {
    source: weights.source,
    find: (name) => {
      const found = toOriginal(name, blocks);
      return found === undefined ? undefined : weights.get(prefix + found);
    },
  };
}

/** Canonical name → the original's; undefined if it has none. `blocks`: those of the model, canonical → original. */
function toOriginal(name: string, blocks: ReadonlyMap<string, string>): string | undefined {
  const [, block, kind, inner, end] = BLOCK.exec(name) ?? [];
  if (block === undefined) {
    const [, start = '', last] = END.exec(name) ?? [];
    return Object.hasOwn(ENDS, start) ? `${ENDS[start]}.${last}` : undefined;
  }
  const at = blocks.get(block);
  if (at === undefined || kind === 'attentions') return at && `${at}.${inner}.${end}`;
  if (kind === 'resnets') return Object.hasOwn(RESIDUAL, inner) ? `${at}.${RESIDUAL[inner]}.${end}` : undefined;
  return inner === 'conv' ? `${at}.${end}` : undefined;
}

/**
 * Canonical name of a layer (no ".weight") → the original's, for any U-Net, whichever names its file has: many LoRAs for SD XL go by the
 * original's.
 */
export function originalLayerNames({ find }: Parameters): (layer: string) => string | undefined {
  const has = (name: string) => find(`${name}.weight`) !== undefined;
  const blocks = new Map([...countedDown(has), ...MIDDLE, ...countedUp(has)]);
  return (layer) => toOriginal(`${layer}.weight`, blocks)?.slice(0, -'.weight'.length);
}

function countedDown(has: Has): Pair[] {
  const pairs: Pair[] = [];
  let n = 1;
  for (let level = 0; has(`down_blocks.${level}.resnets.0.norm1`); level++) {
    const block = `down_blocks.${level}`;
    for (let i = 0; has(`${block}.resnets.${i}.norm1`); i++, n++)
      pairs.push(...residualPair({ has, block, i }, `input_blocks.${n}`));
    if (has(`${block}.downsamplers.0.conv`)) pairs.push([`${block}.downsamplers.0`, `input_blocks.${n++}.0.op`]);
  }
  return pairs;
}

function countedUp(has: Has): Pair[] {
  const pairs: Pair[] = [];
  let n = 0;
  for (let level = 0; has(`up_blocks.${level}.resnets.0.norm1`); level++) {
    const block = `up_blocks.${level}`;
    let last: Pair[] = [];
    for (let i = 0; has(`${block}.resnets.${i}.norm1`); i++, n++) {
      last = residualPair({ has, block, i }, `output_blocks.${n}`);
      pairs.push(...last);
    }
    if (has(`${block}.upsamplers.0.conv`))
      pairs.push([`${block}.upsamplers.0`, `output_blocks.${n - 1}.${last.length}.conv`]);
  }
  return pairs;
}

/** A residual block and the attention after it, where there is one. */
function residualPair({ has, block, i }: { has: Has; block: string; i: number }, at: string): Pair[] {
  const attention: Pair[] = has(`${block}.attentions.${i}.proj_in`) ? [[`${block}.attentions.${i}`, `${at}.1`]] : [];
  return [[`${block}.resnets.${i}`, `${at}.0`], ...attention];
}

type Has = (name: string) => boolean;
/** Canonical name of a block, and the original's. */
type Pair = readonly [canonical: string, original: string];

const MIDDLE: readonly Pair[] = [
  ['mid_block.resnets.0', 'middle_block.0'],
  ['mid_block.attentions.0', 'middle_block.1'],
  ['mid_block.resnets.1', 'middle_block.2'],
];

const isResidual = (has: Has, at: string): boolean => has(`${at}.in_layers.0.weight`);
const isAttention = (has: Has, at: string): boolean => has(`${at}.proj_in.weight`);

function downBlocks(has: Has): Pair[] {
  const pairs: Pair[] = [];
  let [level, i] = [0, 0];
  for (let n = 1; has(`input_blocks.${n}.0.op.weight`) || isResidual(has, `input_blocks.${n}.0`); n++) {
    const at = `input_blocks.${n}`;
    if (isResidual(has, `${at}.0`)) {
      pairs.push([`down_blocks.${level}.resnets.${i}`, `${at}.0`]);
      if (isAttention(has, `${at}.1`)) pairs.push([`down_blocks.${level}.attentions.${i}`, `${at}.1`]);
      i++;
    } else {
      pairs.push([`down_blocks.${level}.downsamplers.0`, `${at}.0.op`]);
      [level, i] = [level + 1, 0];
    }
  }
  return pairs;
}

/** A block that changes the size ends with it, after its residual block and, where it has one, its attention. */
function upBlocks(has: Has): Pair[] {
  const pairs: Pair[] = [];
  let [level, i] = [0, 0];
  for (let n = 0; isResidual(has, `output_blocks.${n}.0`); n++) {
    const at = `output_blocks.${n}`;
    pairs.push([`up_blocks.${level}.resnets.${i}`, `${at}.0`]);
    if (isAttention(has, `${at}.1`)) pairs.push([`up_blocks.${level}.attentions.${i}`, `${at}.1`]);
    i++;
    const resampler = [1, 2].find((k) => has(`${at}.${k}.conv.weight`));
    if (resampler === undefined) continue;
    pairs.push([`up_blocks.${level}.upsamplers.0`, `${at}.${resampler}.conv`]);
    [level, i] = [level + 1, 0];
  }
  return pairs;
}

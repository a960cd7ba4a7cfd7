// Which layer of a text encoder a prompt's states are taken from: the checkpoint's own choice, or ComfyUI's "clip skip".
import { InputError } from '../errors.ts';

/** What a checkpoint was trained with. */
export interface LayerChoice {
  /** −1: the last layer; −2: the one before it; … */
  readonly stopAt: number;
  /** Whether the encoder's last normalisation is applied to the states of that layer, whichever it is. */
  readonly normed: boolean;
  /** Layers at the end that the file leaves out because nothing reads them: one in diffusers' folders of Stable Diffusion 2. */
  readonly leftOut: number;
}

export const LAST: LayerChoice = { stopAt: -1, normed: true, leftOut: 0 };
export const PENULTIMATE_NORMED: LayerChoice = { stopAt: -2, normed: true, leftOut: 0 };
/** Stable Diffusion XL, both encoders. */
export const PENULTIMATE: LayerChoice = { stopAt: -2, normed: false, leftOut: 0 };

/** ComfyUI's range of CLIPSetLastLayer. */
export const DEEPEST_STOP = -24;

/**
 * Name of the output that holds the states. An export without outputs for each layer has only its last. Past the first layer, the last one
 * counts, as in ComfyUI. Throws MODEL_UNSUPPORTED.
 */
export function statesOutput(names: readonly string[], choice: LayerChoice, path: string): string {
  const layers = Math.max(0, ...names.flatMap((name) => /hidden_states\.(\d+)$/.exec(name)?.[1] ?? []).map(Number));
  const wanted = wantedOutputs(choice, layers);
  const found = wanted.find((name) => names.includes(name));
  if (found !== undefined) return found;
  throw new InputError(
    'MODEL_UNSUPPORTED',
    choice.leftOut > 0
      ? `${path} leaves out the last layer, as diffusers' folders of Stable Diffusion 2 do: ${-1 - choice.leftOut} is the last that it has.`
      : `${path} has the outputs ${names.join(', ')}; layer ${choice.stopAt} needs ${wanted.join(' or ')}. A .safetensors checkpoint gives every layer.`,
  );
}

function wantedOutputs({ stopAt, normed, leftOut }: LayerChoice, layers: number): string[] {
  // Without outputs for the layers, only the last one's place is known.
  if (layers === 0)
    return stopAt + leftOut === -1 && normed ? ['last_hidden_state'] : ['hidden_states.N of each layer'];
  const all = layers + leftOut;
  const layer = all + 1 + stopAt;
  if (layer < 1) return ['last_hidden_state'];
  if (normed) return [`normed_hidden_states.${layer}`, ...(layer === layers ? ['last_hidden_state'] : [])];
  return [`hidden_states.${layer}`];
}

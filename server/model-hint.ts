// A name of a model that the server does not offer → a sentence that says what whoever runs the server can do.
import { parseHubId } from '../engine/hub-id.ts';
import type { ModelKind } from '../nodes/node-context.ts';

const FOLDERS: Readonly<Record<ModelKind, string>> = {
  checkpoint: 'models/checkpoints',
  clip: 'models/clip',
  clip_vision: 'models/clip_vision',
  lora: 'models/loras',
  unet: 'models/diffusion_models',
  vae: 'models/vae',
};
/** Kinds that an option of the server names one by one. */
const FLAGS: Readonly<Partial<Record<ModelKind, string>>> = { checkpoint: '--checkpoint', clip: '--clip' };

/** Names in a message are shown up to this length. */
const MAX_SHOWN = 200;

/** Files that PyTorch writes with Python's pickle. */
const PICKLE = /\.(?:ckpt|pt2?|pth|bin|pkl)$/i;
const WEIGHTS = /\.(?:safetensors|sft|gguf|onnx)$/i;

export const isPickle = (name: string): boolean => PICKLE.test(name);

/** Does the name end as files of weights do? Then it is no hub id, though `sub/name.safetensors` has the form of one. */
export const isWeightsFile = (name: string): boolean => WEIGHTS.test(name) || isPickle(name);

/** Why a pickle is not read, and how to make a file of it that is. */
export function explainPickle(name: string): string {
  const stem = quoted(name.replace(PICKLE, ''));
  const line = `import torch, safetensors.torch as s; d = torch.load(${quoted(name)}, 'cpu', weights_only=True); s.save_file({k: v.clone() for k, v in d.get('state_dict', d).items() if torch.is_tensor(v)}, ${stem} + '.safetensors')`;
  return `${name} is a pickle: reading it can run code that somebody put inside. Take the .safetensors file that the model's page often has, too, or convert it with one line of Python: ${line}`;
}

/** A file's own name as a Python text. */
const quoted = (name: string): string => `'${name.replace(/^.*[/\\]/, '').replace(/['\\]/g, '\\$&')}'`;

/** What to do; `name` may be anything that a graph holds. */
export function modelHint(kind: ModelKind, name: string): string {
  const folder = `${FOLDERS[kind]} in the data folder`;
  const flag = FLAGS[kind];
  const isShort = name.length <= MAX_SHOWN;
  if (isShort && isPickle(name)) return explainPickle(name);
  const isPath = /^(?:[/\\~]|[A-Za-z]:)|(?:^|[/\\])\.\.?(?:[/\\]|$)/.test(name);
  if (isShort && isWeightsFile(name) && !isPath)
    return `Put the file into ${folder}, or start the server with --models-dir or --comfyui and the folder that has it.`;
  if (isShort && flag && parseHubId(name))
    return `If it is a model of the hub, start the server with ${flag} ${name}, or with --allow-hub if graphs may download any.`;
  if (/[/\\~]/.test(name))
    return `A graph cannot name a path: move the model to ${folder}, or start the server with ${flag ? `${flag} and its path` : '--models-dir'}.`;
  return `More models can be put into ${folder}.`;
}

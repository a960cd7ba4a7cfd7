// MODEL or CLIP of a checkpoint and a LoRA file → the same with the LoRA at work, at a strength: ComfyUI's LoraLoader.
//
// The graph with the branches of one set of LoRAs is compiled once; strengths are its inputs. Models with different strengths share its session.
import { LRUCache } from 'lru-cache';
import type { Parameters } from '../architectures/layers.ts';
import { originalLayerNames } from '../architectures/layouts/original-unet.ts';
import { type Lora, type LoraBranch, openLora, textStems, unetStems } from '../architectures/lora.ts';
import type { AppliedLora } from '../architectures/low-rank.ts';
import type { PartGraph } from '../architectures/part-graph.ts';
import { finite } from '../check.ts';
import { InputError } from '../errors.ts';
import { fileIdentity } from '../onnx/file-identity.ts';
import type { DiffusionModel } from './checkpoint.ts';
import { floats, makeOnnxModel, type OnnxModel, withFeeds } from './onnx-model.ts';
import { makePromptModel, type PromptModel } from './prompt-model.ts';
import { makeUnet } from './unet.ts';

/** ComfyUI's bounds. */
export const MAX_STRENGTH = 100;

/** A LoRA on a part, and how strongly. */
interface Layer {
  readonly lora: Lora;
  readonly strength: number;
}

/** What a model with LoRAs was made from. */
interface Origin {
  readonly base: OnnxModel;
  readonly layers: readonly Layer[];
}

const origins = new WeakMap<OnnxModel, Origin>();
/** The model without LoRAs → the files of a set of them → the model compiled with their branches. */
const compiled = new WeakMap<OnnxModel, LRUCache<string, OnnxModel>>();

/** Sets of LoRAs per part that keep a session: each holds all of the part's weights. */
const MAX_SETS = 2;

/**
 * The model with the U-Net's part of a LoRA, beside those that it has already. Strength 0 changes nothing. Throws MODEL_NOT_FOUND,
 * MODEL_INVALID, MODEL_UNSUPPORTED (another method than LoRA; an ONNX export, whose weights have no names), OPTION_INVALID; a LoRA for
 * another kind of model is MODEL_UNSUPPORTED when the model is first used.
 */
export function withModelLora(model: DiffusionModel, path: string, strength: number): DiffusionModel {
  finite('strength_model', strength, { min: -MAX_STRENGTH, max: MAX_STRENGTH });
  const lora = openLora(path);
  const applied = add(model.unet.model, { lora, strength }, UNET);
  return applied === model.unet.model ? model : { ...model, unet: makeUnet(applied) };
}

/** The same for the text encoders. */
export function withClipLora(clip: PromptModel, path: string, strength: number): PromptModel {
  finite('strength_clip', strength, { min: -MAX_STRENGTH, max: MAX_STRENGTH });
  const lora = openLora(path);
  const count = clip.encoders.length;
  const encoders = clip.encoders.map((encoder, i) => ({
    ...encoder,
    model: add(encoder.model, { lora, strength }, textEncoder(i, count)),
  }));
  return makePromptModel(clip.name, encoders);
}

/** The part as it was before LoRAs were added. */
export const withoutLoras = (model: OnnxModel): OnnxModel => origins.get(model)?.base ?? model;

/** A part of a model as LoRAs name it. */
interface Target {
  /** Whether a name in a LoRA is meant for this part. */
  owns(stem: string): boolean;
  /** The names that a layer of it may have. */
  names(parameters: Parameters): (layer: string) => readonly string[];
}

const TEXT = /^(?:lora_te\d?_|text_encoder(?:_\d)?\.)/;

const UNET: Target = {
  owns: (stem) => !TEXT.test(stem),
  names: (parameters) => {
    const original = originalLayerNames(parameters);
    return (layer) => unetStems(layer, original(layer));
  },
};

const textEncoder = (index: number, count: number): Target => ({
  owns: (stem) => (index === 0 ? /^(?:lora_te1?_|text_encoder\.)/ : /^(?:lora_te2_|text_encoder_2\.)/).test(stem),
  names: () => (layer) => textStems(layer, index, count),
});

function add(model: OnnxModel, layer: Layer, target: Target): OnnxModel {
  if (layer.strength === 0 || ![...layer.lora.stems].some(target.owns)) return model;
  const { base, layers } = origins.get(model) ?? { base: model, layers: [] };
  if (typeof base.source === 'string')
    throw new InputError(
      'MODEL_UNSUPPORTED',
      `${base.path} is an ONNX export, which no LoRA can be added to: use the checkpoint as a .safetensors file.`,
    );
  const all = [...layers, layer];
  const strengths = all.map(({ strength }, i) => [strengthInput(i), floats(Float32Array.of(strength), [])]);
  const result = withFeeds(compile(base, base.source, { layers: all, target }), Object.fromEntries(strengths));
  origins.set(result, { base, layers: all });
  return result;
}

const strengthInput = (i: number): string => `lora_strength.${i}`;

/** The model with these LoRAs' branches, made once for their files, whatever the strengths. */
function compile(base: OnnxModel, part: PartGraph, { layers, target }: { layers: readonly Layer[]; target: Target }) {
  const sets = compiled.get(base) ?? new LRUCache<string, OnnxModel>({ max: MAX_SETS, dispose: release });
  compiled.set(base, sets);
  const key = layers.map(({ lora }) => fileIdentity(lora.path)).join('\n');
  const known = sets.get(key);
  if (known) return known;
  const model = makeOnnxModel(withLoras(part, { layers, target }), base.device, base.options);
  base.adopt(model);
  sets.set(key, model);
  return model;
}

/** A result that still holds it makes a new session. */
const release = (model: OnnxModel): void => void model.release().catch(() => undefined);

/** The part with the branches in its graph. When that is built, most of what each LoRA has for it must have found its layer. */
function withLoras(part: PartGraph, { layers, target }: { layers: readonly Layer[]; target: Target }): PartGraph {
  return {
    ...part,
    build: (parameters, device) => {
      const namesOf = target.names(parameters);
      const applied = layers.map(({ lora }, i) => appliedLora(lora, strengthInput(i), namesOf));
      const graph = part.build({ ...parameters, loras: applied }, device);
      for (const [i, { lora }] of layers.entries()) checkUsed(lora, applied[i].used, target);
      return graph;
    },
  };
}

type UsedLora = AppliedLora & { readonly used: ReadonlySet<LoraBranch> };

function appliedLora(lora: Lora, strength: string, namesOf: (layer: string) => readonly string[]): UsedLora {
  const used = new Set<LoraBranch>();
  return {
    path: lora.path,
    strength,
    used,
    find: (layer) => {
      const branch = lora.find(namesOf(layer));
      if (branch) used.add(branch);
      return branch;
    },
  };
}

/** Trainers leave a few branches that no model reads; one made for another model has hardly any that this one reads. */
function checkUsed({ path, stems }: Lora, used: ReadonlySet<LoraBranch>, target: Target): void {
  const own = [...stems].filter(target.owns);
  if (2 * used.size >= own.length) return;
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `The LoRA ${path} was made for another kind of model: of its ${own.length} layers, such as "${own[0]}", this one has ${used.size}. Choose a LoRA for this kind of checkpoint (SD 1.x, 2.x or XL).`,
  );
}

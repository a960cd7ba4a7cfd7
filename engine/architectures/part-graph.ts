// A part of a model whose graph is made when it is first used: until then, only the header of its file has been read.
import type { Device } from '../onnx/device.ts';
import type { WeightGraph } from './graph-builder.ts';
import type { Parameters } from './layers.ts';
import { type PlaceOptions, placeGraph } from './place-graph.ts';

export interface PartGraph {
  /** What its file is called: unet, vae_decoder, text_encoder, … */
  readonly name: string;
  readonly parameters: Parameters;
  /**
   * Its graph over these parameters: the part's own, or its own with changes. It works on every device, and is fastest on the one that is
   * named (default: the CPU). Throws MODEL_INVALID, MODEL_UNSUPPORTED, MODEL_NOT_FOUND.
   */
  build(parameters: Parameters, device?: Device): WeightGraph;
}

/** The first weight of a part that does not go with its own bias, in words; undefined if none is seen to be wrong. */
export function misfitIn({ parameters, build }: PartGraph): string | undefined {
  const weights = [...build(parameters).weights.values()];
  const byName = new Map(weights.map((weight) => [weight.name, weight]));
  for (const { name, dims } of weights) {
    const bias = name.endsWith('.weight') ? byName.get(name.replace(/weight$/, 'bias')) : undefined;
    if (bias && bias.dims[0] !== dims[0]) return `"${name}" is [${dims}] and "${bias.name}" [${bias.dims}]`;
  }
  return;
}

export interface PlacePartOptions extends Omit<PlaceOptions, 'name'> {
  readonly device?: Device;
}

/** Path of the part's .onnx file, which is written if it is not there yet. Throws what `build` and `placeGraph` throw. */
export const placePart = (
  { name, parameters, build }: PartGraph,
  { device = 'cpu', ...options }: PlacePartOptions = {},
): string => placeGraph(build(parameters, device), { name, ...options });

// A part of a model whose graph is made when it is first used: until then, only the header of its file has been read.
import type { WeightGraph } from './graph-builder.ts';
import type { Parameters } from './layers.ts';
import { type PlaceOptions, placeGraph } from './place-graph.ts';

export interface PartGraph {
  /** What its file is called: unet, vae_decoder, text_encoder, … */
  readonly name: string;
  readonly parameters: Parameters;
  /** Its graph over these parameters: the part's own, or its own with changes. Throws MODEL_INVALID, MODEL_UNSUPPORTED, MODEL_NOT_FOUND. */
  build(parameters: Parameters): WeightGraph;
}

/** Path of the part's .onnx file, which is written if it is not there yet. Throws what `build` and `placeGraph` throw. */
export const placePart = ({ name, parameters, build }: PartGraph, options: Omit<PlaceOptions, 'name'> = {}): string =>
  placeGraph(build(parameters), { name, ...options });

// A layer's input and output → the output with the low-rank branches of LoRAs added: y + strength · scale · up·(down·x), for each of them.
import { InputError } from '../errors.ts';
import { reshaped, type Weight } from '../safetensors/weights.ts';
import type { GraphBuilder, Value } from './graph-builder.ts';
import type { LoraBranch } from './lora.ts';

/** A LoRA at work in a graph. */
export interface AppliedLora {
  /** For messages. */
  readonly path: string;
  /** Name of the graph's input for its strength, a float32 scalar. */
  readonly strength: string;
  /** The branch of the layer of that canonical name; undefined if there is none. */
  find(prefix: string): LoraBranch | undefined;
}

export interface BranchedLayer {
  readonly graph: GraphBuilder;
  readonly loras: readonly AppliedLora[] | undefined;
  /** Canonical name of the layer. */
  readonly prefix: string;
  /** Of its weight: [out, in] or [out, in, k, k]. */
  readonly dims: readonly number[];
  readonly x: Value;
  readonly y: Value;
}

/** For a linear layer: x [..., in], y [..., out]. A convolution's 1×1 matrices are taken, too. Throws MODEL_UNSUPPORTED: made for another model. */
export function addLinearBranches(layer: BranchedLayer): Value {
  return addBranches(layer, (x, { down, up }) => {
    const { graph } = layer;
    const matrix = (w: Weight) =>
      graph.add('Transpose', [graph.weight(reshaped(w, w.dims.slice(0, 2)))], { perm: [1, 0] });
    return graph.add('MatMul', [graph.add('MatMul', [x, matrix(down)]), matrix(up)]);
  });
}

/** For a convolution; `attributes`: the strides and pads that it runs with. */
export function addConvBranches(
  layer: BranchedLayer,
  attributes: { readonly strides: readonly number[]; readonly pads: readonly number[] },
): Value {
  return addBranches(layer, (x, { down, up }) => {
    const { graph } = layer;
    const kernel = (w: Weight) => graph.weight(w.dims.length === 4 ? w : reshaped(w, [...w.dims, 1, 1]));
    return graph.add('Conv', [graph.add('Conv', [x, kernel(down)], attributes), kernel(up)]);
  });
}

function addBranches(layer: BranchedLayer, branchOf: (x: Value, branch: LoraBranch) => Value): Value {
  const { graph, loras = [], prefix, x } = layer;
  let { y } = layer;
  for (const lora of loras) {
    const branch = lora.find(prefix);
    if (!branch) continue;
    checkFits(layer, branch, lora.path);
    const factor = graph.add('Mul', [graph.scalarInput(lora.strength), graph.scalar(branch.scale)]);
    y = graph.add('Add', [y, graph.add('Mul', [branchOf(x, branch), factor])]);
  }
  return y;
}

/** in, out and the kernel must be those of the layer. */
function checkFits({ dims, prefix }: BranchedLayer, { down, up }: LoraBranch, path: string): void {
  const [out, input, ...kernel] = dims;
  const [, downInput, ...downKernel] = down.dims;
  const isPoint = (k: readonly number[]) => k.every((n) => n === 1);
  const sameKernel = downKernel.join() === kernel.join() || (isPoint(downKernel) && isPoint(kernel));
  if (up.dims[0] === out && downInput === input && sameKernel) return;
  throw new InputError(
    'MODEL_UNSUPPORTED',
    `The LoRA ${path} was made for another model: its branch of "${prefix}" leads from [${down.dims.slice(1)}] to [${up.dims[0]}], but the layer's weight is [${dims}]. Choose a LoRA for this kind of checkpoint (SD 1.x, 2.x or XL).`,
  );
}

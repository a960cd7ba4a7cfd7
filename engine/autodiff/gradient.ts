// An ONNX model → the same model that also computes gradients. This is the library `pez-nodes/autodiff`.
import { InputError } from '../errors.ts';
import { type Model, opsetOf, prune } from '../onnx/graph.ts';
import { readModel } from '../onnx/read.ts';
import { type SpecialiseOptions, type StaticModel, specialise } from '../onnx/specialise.ts';
import { isFloat } from '../onnx/tensor.ts';
import { writeModel } from '../onnx/write.ts';
import { backward } from './backward.ts';
import { Builder, type Value } from './builder.ts';
import { full } from './ops.ts';
import { rules } from './rules.ts';

export interface GradientOptions {
  /** Name of the value to differentiate: an output of the model, or any value inside it. */
  readonly of: string;
  /** Names of the float inputs (or inner values) to differentiate by. */
  readonly wrt: readonly string[];
  /** Name of a new input that holds the cotangent of `of`, in its dims. Without it: ones, the gradient of the sum. */
  readonly cotangent?: string;
  /** Sizes of the dims that are free in the file: by symbol (`{ batch: 1 }`) or by input (`{ x: [1, 8] }`). */
  readonly dims?: SpecialiseOptions['dims'];
}

/** The oldest operator set in which everything that backward graphs are made of exists. */
const MIN_OPSET = 11;

/**
 * Differentiates an ONNX model. Gives an ONNX model with the same inputs, the outputs of the original, `of`, and for
 * each name in `wrt` an output `<name>_grad` of that value's type and dims: the vector-Jacobian product of `of` with
 * the cotangent. Runs on any ONNX runtime.
 *
 * Throws InputError: OP_WITHOUT_GRADIENT (names op, node, model), MODEL_INVALID, MODEL_UNSUPPORTED (a free dim, an
 * opset below 11), OPTION_INVALID (a name that the model does not have, or that is no float).
 */
export async function gradient(model: Uint8Array, options: GradientOptions): Promise<Uint8Array> {
  const read = readModel(model);
  const outputs = [...new Set([...read.outputs.map((o) => o.name), options.of, ...options.wrt])];
  const inner = outputs.filter((name) => !read.inputs.some((i) => i.name === name));
  checkNames(read, [options.of, ...options.wrt]);
  const fixed = await specialise(read, { ...(options.dims && { dims: options.dims }), outputs: inner });
  const withGradient = addGradient(fixed, options);
  const kept = new Set([...read.outputs.map((o) => o.name), options.of, ...options.wrt.map(gradientName)]);
  return writeModel(
    prune({ ...withGradient, outputs: withGradient.outputs.filter((o) => kept.has(o.name)) }, { keepInputs: true }),
  );
}

/** Name of the output that holds the gradient by `name`. */
export const gradientName = (name: string): string => `${name}_grad`;

/** The same for a model that is static already; adds to its outputs. `table`: op → its rule. */
export function addGradient(model: StaticModel, { of, wrt, cotangent }: GradientOptions, table = rules): Model {
  if (opsetOf(model) < MIN_OPSET) {
    throw new InputError(
      'MODEL_UNSUPPORTED',
      `${model.source} is written in opset ${opsetOf(model)}; gradients need ${MIN_OPSET} or newer. Convert it, e.g. with onnx.version_converter.`,
    );
  }
  const graph = new Builder(model);
  for (const name of [of, ...wrt]) {
    const { type } = model.values.get(name) ?? { type: 'missing' as never };
    if (!isFloat(type))
      throw new InputError(
        'OPTION_INVALID',
        `"${name}" in ${model.source} is ${type}, not a float value, and has no gradient.`,
      );
  }
  const y = graph.value(of);
  const seed: Value = cotangent ? { ...y, name: cotangent } : full(y, y.dims, 1);
  const gradients = backward(model, graph, { of, wrt, cotangent: seed, table });
  const named = gradients.map((value, i) => ({ ...value, name: gradientName(wrt[i]), from: value.name }));
  const extended: Model = {
    ...model,
    inputs: cotangent ? [...model.inputs, { name: cotangent, type: y.type, dims: y.dims }] : model.inputs,
    nodes: [
      ...model.nodes,
      ...graph.nodes,
      ...named.map(({ from, name }) => ({
        op: 'Identity',
        domain: '',
        name,
        inputs: [from],
        outputs: [name],
        attributes: new Map(),
      })),
    ],
    constants: new Map([...model.constants, ...graph.constants]),
    outputs: [
      ...model.outputs,
      ...(model.outputs.some((o) => o.name === of) ? [] : [{ name: of }]),
      ...named.map(({ name, type, dims }) => ({ name, type, dims })),
    ],
  };
  // Rules answer for every input, also for those that nobody asked about.
  return prune(extended, { keepInputs: true });
}

function checkNames(model: Model, names: readonly string[]): void {
  const known = new Set([...model.inputs.map((i) => i.name), ...model.nodes.flatMap((n) => n.outputs)]);
  for (const name of names) {
    if (!known.has(name))
      throw new InputError(
        'OPTION_INVALID',
        `${model.source} has no value "${name}"; its inputs are ${model.inputs.map((i) => i.name).join(', ')}, its outputs ${model.outputs.map((o) => o.name).join(', ')}.`,
      );
  }
}

// Model with free dims → static model: shapes written in, everything constant folded away by onnxruntime itself,
// and the type and dims of every value known.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as ort from 'onnxruntime-node';
import { InputError } from '../errors.ts';
import { checkModel, type Model, type Node, prune, type ValueInfo } from './graph.ts';
import { readModelFile } from './read.ts';
import { createSession, runError, toOrt } from './session.ts';
import { byteLength, type ElementType, elementSize, sizeOf, type Tensor } from './tensor.ts';

export interface StaticValue {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
}

export interface StaticModel extends Model {
  /** Type and dims of every input, constant and computed value. */
  readonly values: ReadonlyMap<string, StaticValue>;
}

export interface SpecialiseOptions {
  /** Inputs that become constants. */
  constants?: ReadonlyMap<string, Tensor>;
  /** Dims of inputs, or of their symbols (`batch`, `sequence`), that are free in the file. */
  dims?: Readonly<Record<string, number | readonly number[]>>;
  /** Outputs to keep; all by default. */
  outputs?: readonly string[];
  /** Constants above this many bytes are set aside while onnxruntime folds: they are not copied, and its 2 GiB limit does not apply. */
  asideBytes?: number;
}

/** Specialises a model. Throws MODEL_UNSUPPORTED if a dim stays free, MODEL_INVALID if onnxruntime cannot compile or run it. */
export async function specialise(model: Model, options: SpecialiseOptions = {}): Promise<StaticModel> {
  const { asideBytes = 2 ** 20 } = options;
  const fixed = prune(keepOutputs(fixInputs(model, options), options.outputs), { keepInputs: true });
  const aside = new Map([...fixed.constants].filter(([, t]) => byteLength(t) > asideBytes && t.type === 'float32'));
  const folded = await fold(standAside(fixed, aside));
  const values = await traceValues(folded);
  const inputs = folded.inputs.filter((i) => !aside.has(i.name));
  return {
    ...prune({ ...folded, inputs, constants: new Map([...folded.constants, ...aside]) }, { keepInputs: true }),
    values,
  };
}

function fixInputs(model: Model, { constants = new Map(), dims = {} }: SpecialiseOptions): Model {
  const inputs = model.inputs
    .filter((i) => !constants.has(i.name))
    .map((i): ValueInfo => ({ ...i, dims: fixDims(model, i, dims) }));
  return { ...model, inputs, constants: new Map([...model.constants, ...constants]) };
}

function fixDims(model: Model, input: ValueInfo, dims: NonNullable<SpecialiseOptions['dims']>): number[] {
  const given = dims[input.name];
  if (Array.isArray(given)) return [...given];
  return input.dims.map((d) => {
    const size = typeof d === 'number' ? d : dims[d];
    if (typeof size === 'number') return size;
    throw new InputError(
      'MODEL_UNSUPPORTED',
      `${model.source}: the input "${input.name}" has the free dim "${d}"; give its size in \`dims\`.`,
    );
  });
}

function keepOutputs(model: Model, names: readonly string[] | undefined): Model {
  if (!names) return model;
  const known = new Map(model.outputs.map((o) => [o.name, o]));
  return { ...model, outputs: names.map((name) => known.get(name) ?? { name }) };
}

function standAside(model: Model, aside: ReadonlyMap<string, Tensor>): Model {
  const inputs = [...aside].map(([name, t]): ValueInfo => ({ name, type: t.type, dims: t.dims }));
  return {
    ...model,
    inputs: [...model.inputs, ...inputs],
    constants: new Map([...model.constants].filter(([name]) => !aside.has(name))),
  };
}

/** onnxruntime's own constant folding: level "basic" writes back a graph of standard ops. */
async function fold(model: Model): Promise<Model> {
  const folder = mkdtempSync(join(tmpdir(), 'pez-nodes-'));
  try {
    const path = join(folder, 'folded.onnx');
    const session = await createSession(model, { graphOptimizationLevel: 'basic', optimizedModelFilePath: path });
    await session.release(); // the file is what was wanted
    return renameInserted(checkModel({ ...readModelFile(path), source: model.source }), model);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * onnxruntime writes casts around what it has no float16 kernel for, and names them after their values. The next session
 * inserts such casts again, under the same names: those that are there already get other ones.
 */
function renameInserted(folded: Model, original: Model): Model {
  const known = new Set([
    ...original.inputs.map((i) => i.name),
    ...original.constants.keys(),
    ...original.nodes.flatMap((node) => [node.name, ...node.outputs]),
    '',
  ]);
  const rename = (name: string) => (known.has(name) || !name.startsWith('Inserted') ? name : `folded/${name}`);
  const node = (n: Node): Node => ({
    ...n,
    name: rename(n.name),
    inputs: n.inputs.map(rename),
    outputs: n.outputs.map(rename),
  });
  const constants = new Map([...folded.constants].map(([name, t]) => [rename(name), t]));
  return { ...folded, constants, nodes: folded.nodes.map(node) };
}

/** The folded graph carries no shapes: make every value an output, run once on zeros, and read them off. */
async function traceValues(model: Model): Promise<Map<string, StaticValue>> {
  const values = new Map<string, StaticValue>();
  for (const [name, { type, dims }] of model.constants) values.set(name, { name, type, dims });
  for (const { name, type, dims } of model.inputs) values.set(name, { name, type, dims: dims as number[] });
  const computed = model.nodes.flatMap((n) => n.outputs.filter(Boolean));
  if (!computed.length) return values;
  const outputs = computed.map((name) => ({ name }));
  const session = await createSession({ ...model, outputs }, { graphOptimizationLevel: 'disabled' });
  const feeds = Object.fromEntries(model.inputs.map((i) => [i.name, zeros(values.get(i.name)!)]));
  try {
    const results = await session.run(feeds);
    for (const name of computed) {
      const { type, dims } = results[name];
      values.set(name, { name, type: type as ElementType, dims });
    }
    return values;
  } catch (error) {
    throw runError(model.source, error);
  } finally {
    await session.release();
  }
}

function zeros({ type, dims }: StaticValue): ort.Tensor {
  return toOrt({ type, dims, bytes: new Uint8Array(sizeOf(dims) * elementSize(type)) });
}

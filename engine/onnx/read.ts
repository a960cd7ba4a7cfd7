// bytes of an .onnx file → Model. Every count and size that the file claims is checked before it is believed.
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { InputError } from '../errors.ts';
import { type ExternalSource, findExternal, readExtent } from './external-data.ts';
import { type Attribute, checkModel, type Dim, invalid, type Model, type Node, type ValueInfo } from './graph.ts';
import {
  type AttributeMessage,
  AttributeType,
  ModelMessage,
  type ModelProto,
  type NodeMessage,
  type TensorMessage,
  toNumber,
  type ValueInfoMessage,
} from './proto.ts';
import { elementSize, elementTypeOf, sizeOf, storedTensor, type Tensor, tensor } from './tensor.ts';

/** Caps on files from strangers; the largest text encoders in use have about 6,000 nodes and 700 M parameters. */
const MAX_FILE_BYTES = 2 ** 31 - 1; // protobuf's own limit
const MAX_NODES = 100_000;
const MAX_RANK = 16;
const MAX_ELEMENTS = 2 ** 33;

/**
 * Reads an .onnx file, with its external data; `leaveBytes`: tensors of external data above this many bytes stay where they are until their bytes
 * are asked for. Throws MODEL_NOT_FOUND or MODEL_INVALID.
 */
export function readModelFile(path: string, options: Pick<ReadOptions, 'leaveBytes'> = {}): Model {
  let bytes: Uint8Array;
  try {
    const { size } = statSync(path);
    if (size > MAX_FILE_BYTES)
      throw new InputError(
        'MODEL_INVALID',
        `${path} has ${size} bytes; an ONNX file holds at most 2 GiB (larger weights belong into external data).`,
      );
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError('MODEL_NOT_FOUND', `Cannot read the model file ${path}: ${(error as Error).message}.`, {
      cause: error,
    });
  }
  return readModel(bytes, { ...options, source: path, folders: [dirname(path), dirname(realpathSync(path))] });
}

export interface ReadOptions {
  /** Names the model in messages. */
  readonly source?: string;
  /**
   * Where external data may lie; names in the model are relative to the first. The hub's cache keeps models as links into
   * another folder: the second is where the model file itself lies. Without folders external data is refused.
   */
  readonly folders?: readonly string[];
  /** Names of constants that are not in these bytes. */
  readonly elsewhere?: { has(name: string): boolean };
  readonly leaveBytes?: number;
}

interface TensorSource extends ExternalSource {
  readonly leaveBytes: number;
}

/** Decodes a ModelProto. Throws MODEL_INVALID or MODEL_UNSUPPORTED. */
export function readModel(bytes: Uint8Array, options: ReadOptions = {}): Model {
  const { source = 'the model', folders = [], elsewhere = new Set<string>() } = options;
  const { leaveBytes = Number.POSITIVE_INFINITY } = options;
  let proto: ModelProto;
  try {
    proto = ModelMessage.decode(bytes) as unknown as ModelProto;
  } catch (error) {
    throw new InputError(
      'MODEL_INVALID',
      `${source} is not an ONNX file, or it is damaged (${(error as Error).message}).`,
      { cause: error },
    );
  }
  const { graph } = proto;
  if (!graph?.output.length) throw invalid({ source }, 'it holds no graph with outputs');
  if (graph.node.length > MAX_NODES)
    throw invalid({ source }, `it claims ${graph.node.length} nodes; the limit is ${MAX_NODES}`);
  if (graph.sparseInitializer.length)
    throw new InputError('MODEL_UNSUPPORTED', `${source} holds sparse weights, which are not supported.`);
  const from: TensorSource = { source, folders, taken: new Map(), leaveBytes };
  const read = (t: TensorMessage) => readTensor(t, from);
  const constants = new Map<string, Tensor>();
  for (const t of graph.initializer) constants.set(t.name, read(t));
  const inputs = graph.input
    .filter((i) => !constants.has(i.name) && !elsewhere.has(i.name))
    .map((i) => readValueInfo(i, source));
  const nodes: Node[] = [];
  for (const message of graph.node) {
    const node = readNode(message, read);
    const value = node.op === 'Constant' && constantOf(node);
    if (value) constants.set(node.outputs[0], value);
    else nodes.push(node);
  }
  const model: Model = {
    source,
    irVersion: toNumber(proto.irVersion),
    opsets: new Map(proto.opsetImport.map((o) => [o.domain, toNumber(o.version)])),
    inputs,
    outputs: graph.output.map((o) => (o.type?.tensorType ? readValueInfo(o, source) : { name: o.name })),
    constants,
    nodes,
    functions: proto.functions,
  };
  return checkModel(model, elsewhere);
}

function readValueInfo({ name, type }: ValueInfoMessage, source: string): ValueInfo {
  const t = type?.tensorType;
  if (!t) throw new InputError('MODEL_UNSUPPORTED', `${source}: "${name}" is not a tensor.`);
  const dims = (t.shape?.dim ?? []).map((d, i): Dim => d.dimParam || toNumber(d.dimValue) || `${name}_dim_${i}`);
  return { name, type: elementTypeOf(t.elemType), dims };
}

function readNode(n: NodeMessage, read: (t: TensorMessage) => Tensor): Node {
  const attributes = new Map(n.attribute.map((a) => [a.name, readAttribute(a, read)]));
  return {
    op: n.opType,
    domain: n.domain === 'ai.onnx' ? '' : n.domain,
    name: n.name,
    inputs: n.input,
    outputs: n.output,
    attributes,
  };
}

function readAttribute(a: AttributeMessage, read: (t: TensorMessage) => Tensor): Attribute {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  switch (a.type) {
    case AttributeType.FLOAT:
      return { kind: 'float', value: a.f };
    case AttributeType.INT:
      return { kind: 'int', value: toNumber(a.i) };
    case AttributeType.STRING:
      return { kind: 'string', value: text(a.s) };
    case AttributeType.TENSOR:
      return { kind: 'tensor', value: read(a.t!) };
    case AttributeType.FLOATS:
      return { kind: 'floats', value: a.floats };
    case AttributeType.INTS:
      return { kind: 'ints', value: a.ints.map(toNumber) };
    case AttributeType.STRINGS:
      return { kind: 'strings', value: a.strings.map(text) };
    case AttributeType.GRAPH:
      return { kind: 'opaque', value: a.g };
    default:
      throw new InputError(
        'MODEL_UNSUPPORTED',
        `The attribute "${a.name}" has ONNX type ${a.type}, which is not supported.`,
      );
  }
}

/** The value of a Constant node, so that the rest of the program knows one kind of constant only. */
function constantOf({ attributes }: Node): Tensor | undefined {
  for (const [name, a] of attributes) {
    if (name === 'value' && a.kind === 'tensor') return a.value;
    if (a.kind === 'float') return tensor('float32', [], [a.value]);
    if (a.kind === 'int') return tensor('int64', [], [a.value]);
    if (a.kind === 'floats') return tensor('float32', [a.value.length], a.value);
    if (a.kind === 'ints') return tensor('int64', [a.value.length], a.value);
  }
  return undefined;
}

function readTensor(t: TensorMessage, from: TensorSource): Tensor {
  const type = elementTypeOf(t.dataType);
  const dims = t.dims.map(toNumber);
  const count = sizeOf(dims);
  if (dims.length > MAX_RANK || dims.some((d) => d < 0) || count > MAX_ELEMENTS)
    throw invalid(from, `the tensor "${t.name}" claims dims [${dims}]`);
  const expected = count * elementSize(type);
  if (t.dataLocation === 1) {
    const extent = findExternal(t, expected, from);
    const read = () => readExtent(extent, from.source);
    return expected > from.leaveBytes
      ? storedTensor({ type, dims }, { ...extent, type }, read)
      : { type, dims, bytes: read() };
  }
  if (t.rawData.length) {
    if (t.rawData.length !== expected)
      throw invalid(
        from,
        `the tensor "${t.name}" has ${t.rawData.length} bytes, but its dims [${dims}] need ${expected}`,
      );
    return { type, dims, bytes: t.rawData };
  }
  return fromNumbers(t, { type, dims, count }, from);
}

/** Numbers in the fields of the message instead of raw bytes: which field depends on the element type (onnx.proto). */
function fromNumbers(
  t: TensorMessage,
  { type, dims, count }: { type: Tensor['type']; dims: number[]; count: number },
  from: { source: string },
): Tensor {
  const values = numbersOf(t, type);
  if (values.length !== count)
    throw invalid(from, `the tensor "${t.name}" has ${values.length} numbers, but its dims [${dims}] need ${count}`);
  // These two hold the bits of each number.
  if (type === 'float16' || type === 'bfloat16')
    return { type, dims, bytes: new Uint8Array(Uint16Array.from(values).buffer) };
  return tensor(type, dims, values);
}

function numbersOf(t: TensorMessage, type: Tensor['type']): readonly number[] {
  switch (type) {
    case 'float32':
      return t.floatData;
    case 'float64':
      return t.doubleData;
    case 'int64':
      return t.int64Data.map(toNumber);
    case 'uint32':
    case 'uint64':
      return t.uint64Data.length ? t.uint64Data.map(toNumber) : t.int32Data;
    default:
      return t.int32Data;
  }
}

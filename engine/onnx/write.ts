// Model → bytes of an .onnx file.
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import type { Attribute, Model, Node, OutputInfo } from './graph.ts';
import { AttributeType, ModelMessage } from './proto.ts';
import { type ElementType, elementCode, type Tensor } from './tensor.ts';

type TensorWriter = (name: string, t: Tensor) => object;

/** A constant whose bytes lie in another file, in the folder of the .onnx file. */
export interface ExternalTensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** The file's plain name: onnxruntime refuses paths and symbolic links. */
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** Constants above this many bytes go to the external file, where one is written. */
const EXTERNAL_BYTES = 1024;

/**
 * Encodes a model as a ModelProto; its constants together must stay below protobuf's 2 GiB. `external`: further constants, by name, whose
 * bytes stay where they are.
 */
export function writeModel(model: Model, external: ReadonlyMap<string, ExternalTensor> = new Map()): Uint8Array {
  return encode(model, tensorMessage, external);
}

/** Writes a model to `path`; with `externalData` its large constants go to `<path>.data` beside it. */
export function writeModelFile(model: Model, path: string, options: { externalData?: boolean } = {}): void {
  if (!options.externalData) {
    writeFileSync(path, writeModel(model));
    return;
  }
  const file = openSync(`${path}.data`, 'w');
  try {
    writeFileSync(path, encode(model, externalWriter(file, `${basename(path)}.data`)));
  } finally {
    closeSync(file);
  }
}

function externalWriter(file: number, location: string): TensorWriter {
  let offset = 0;
  return (name, t) => {
    if (t.bytes.length <= EXTERNAL_BYTES) return tensorMessage(name, t);
    for (let done = 0; done < t.bytes.length; ) done += writeSync(file, t.bytes, done);
    const { type, dims } = t;
    const message = externalMessage(name, { type, dims, location, offset, length: t.bytes.length });
    offset += t.bytes.length;
    return message;
  };
}

function externalMessage(name: string, { type, dims, location, offset, length }: ExternalTensor): object {
  const entries = { location, offset: String(offset), length: String(length) };
  const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
  return { name, dims, dataType: elementCode(type), dataLocation: 1, externalData };
}

function encode(
  model: Model,
  writeTensor: TensorWriter,
  external: ReadonlyMap<string, ExternalTensor> = new Map(),
): Uint8Array {
  const text = (value: string) => new TextEncoder().encode(value);
  const attribute = ([name, a]: [string, Attribute]) => {
    switch (a.kind) {
      case 'float':
        return { name, type: AttributeType.FLOAT, f: a.value };
      case 'int':
        return { name, type: AttributeType.INT, i: a.value };
      case 'string':
        return { name, type: AttributeType.STRING, s: text(a.value) };
      case 'tensor':
        return { name, type: AttributeType.TENSOR, t: tensorMessage('', a.value) };
      case 'floats':
        return { name, type: AttributeType.FLOATS, floats: a.value };
      case 'ints':
        return { name, type: AttributeType.INTS, ints: a.value };
      case 'strings':
        return { name, type: AttributeType.STRINGS, strings: a.value.map(text) };
      case 'opaque':
        return { name, type: AttributeType.GRAPH, g: a.value };
    }
  };
  const node = (n: Node) => ({
    input: n.inputs,
    output: n.outputs,
    name: n.name,
    opType: n.op,
    domain: n.domain,
    attribute: [...n.attributes].map(attribute),
  });
  return ModelMessage.encode({
    irVersion: model.irVersion,
    producerName: 'pez-nodes',
    opsetImport: [...model.opsets].map(([domain, version]) => ({ domain, version })),
    functions: model.functions,
    graph: {
      name: 'graph',
      node: model.nodes.map(node),
      initializer: [
        ...[...model.constants].map(([name, t]) => writeTensor(name, t)),
        ...[...external].map(([name, t]) => externalMessage(name, t)),
      ],
      input: model.inputs.map(valueInfoMessage),
      output: model.outputs.map(valueInfoMessage),
    },
  } as object).finish();
}

function tensorMessage(name: string, t: Tensor): object {
  return { name, dims: t.dims, dataType: elementCode(t.type), rawData: t.bytes };
}

function valueInfoMessage({ name, type, dims }: OutputInfo): object {
  if (!type) return { name };
  const dim = dims?.map((d) => (typeof d === 'number' ? { dimValue: d } : { dimParam: d }));
  return { name, type: { tensorType: { elemType: elementCode(type), shape: dim && { dim } } } };
}

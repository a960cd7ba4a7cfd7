// ONNX's protobuf messages, as far as this program reads and writes them, for the maintained decoder (protobufjs).
// Field numbers: the onnx.proto of the ONNX project, IR version 3 and later. Messages that are only passed on
// (sub-graphs, functions, sparse tensors) are declared as bytes, which is the same on the wire.
import protobuf from 'protobufjs/light.js';

type Field = [id: number, type: string, rule?: 'repeated' | 'packed'];

const MESSAGES: Record<string, Record<string, Field>> = {
  Model: {
    irVersion: [1, 'int64'],
    producerName: [2, 'string'],
    graph: [7, 'Graph'],
    opsetImport: [8, 'OperatorSetId', 'repeated'],
    functions: [25, 'bytes', 'repeated'],
  },
  OperatorSetId: { domain: [1, 'string'], version: [2, 'int64'] },
  Graph: {
    node: [1, 'Node', 'repeated'],
    name: [2, 'string'],
    initializer: [5, 'Tensor', 'repeated'],
    input: [11, 'ValueInfo', 'repeated'],
    output: [12, 'ValueInfo', 'repeated'],
    sparseInitializer: [15, 'bytes', 'repeated'],
  },
  Node: {
    input: [1, 'string', 'repeated'],
    output: [2, 'string', 'repeated'],
    name: [3, 'string'],
    opType: [4, 'string'],
    attribute: [5, 'Attribute', 'repeated'],
    domain: [7, 'string'],
  },
  Attribute: {
    name: [1, 'string'],
    f: [2, 'float'],
    i: [3, 'int64'],
    s: [4, 'bytes'],
    t: [5, 'Tensor'],
    g: [6, 'bytes'],
    floats: [7, 'float', 'packed'],
    ints: [8, 'int64', 'packed'],
    strings: [9, 'bytes', 'repeated'],
    type: [20, 'int32'],
  },
  Tensor: {
    dims: [1, 'int64', 'packed'],
    dataType: [2, 'int32'],
    floatData: [4, 'float', 'packed'],
    int32Data: [5, 'int32', 'packed'],
    int64Data: [7, 'int64', 'packed'],
    name: [8, 'string'],
    rawData: [9, 'bytes'],
    doubleData: [10, 'double', 'packed'],
    uint64Data: [11, 'uint64', 'packed'],
    externalData: [13, 'Entry', 'repeated'],
    dataLocation: [14, 'int32'],
  },
  Entry: { key: [1, 'string'], value: [2, 'string'] },
  ValueInfo: { name: [1, 'string'], type: [2, 'Type'] },
  Type: { tensorType: [1, 'TensorType'] },
  TensorType: { elemType: [1, 'int32'], shape: [2, 'Shape'] },
  Shape: { dim: [1, 'Dimension', 'repeated'] },
  Dimension: { dimValue: [1, 'int64'], dimParam: [2, 'string'] },
};

const root = new protobuf.Root();
for (const [name, fields] of Object.entries(MESSAGES)) {
  const type = new protobuf.Type(name);
  for (const [field, [id, fieldType, rule]] of Object.entries(fields)) {
    const packed = rule === 'packed';
    type.add(new protobuf.Field(field, id, fieldType, rule ? 'repeated' : undefined, undefined, { packed }));
  }
  root.add(type);
}
root.resolveAll();

/** Decoder and encoder of ModelProto. */
export const ModelMessage = root.lookupType('Model');

/** Decoder of GraphProto, for sub-graphs. */
export const GraphMessage = root.lookupType('Graph');

// What the decoder gives. Scalars that are absent on the wire read as their zero; `has` tells them apart.
type Long = { toNumber(): number } | number;

export interface TensorMessage {
  dims: Long[];
  dataType: number;
  floatData: number[];
  int32Data: number[];
  int64Data: Long[];
  name: string;
  rawData: Uint8Array;
  doubleData: number[];
  uint64Data: Long[];
  externalData: { key: string; value: string }[];
  dataLocation: number;
}

export interface AttributeMessage {
  name: string;
  f: number;
  i: Long;
  s: Uint8Array;
  t?: TensorMessage;
  g: Uint8Array;
  floats: number[];
  ints: Long[];
  strings: Uint8Array[];
  type: number;
}

export interface NodeMessage {
  input: string[];
  output: string[];
  name: string;
  opType: string;
  attribute: AttributeMessage[];
  domain: string;
}

export interface ValueInfoMessage {
  name: string;
  type?: { tensorType?: { elemType: number; shape?: { dim: { dimValue: Long; dimParam: string }[] } } };
}

export interface GraphProto {
  node: NodeMessage[];
  name: string;
  initializer: TensorMessage[];
  input: ValueInfoMessage[];
  output: ValueInfoMessage[];
  sparseInitializer: Uint8Array[];
}

export interface ModelProto {
  irVersion: Long;
  opsetImport: { domain: string; version: Long }[];
  functions: Uint8Array[];
  graph?: GraphProto;
}

/** protobufjs gives 64-bit integers as Long objects; those beyond 2^53 are rounded. */
export const toNumber = (value: Long): number => (typeof value === 'number' ? value : value.toNumber());

/** ONNX's AttributeProto.AttributeType. */
export const AttributeType = {
  FLOAT: 1,
  INT: 2,
  STRING: 3,
  TENSOR: 4,
  GRAPH: 5,
  FLOATS: 6,
  INTS: 7,
  STRINGS: 8,
} as const;

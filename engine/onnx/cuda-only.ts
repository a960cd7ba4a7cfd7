// Exports that onnxruntime's optimiser fused for NVIDIA cards: the ops that no other device has, seen in a file or in a refusal.
import { InputError } from '../errors.ts';
import { type Field, type WireFile, withWireFile } from './wire.ts';

/** Ops of com.microsoft for which onnxruntime 1.30 has no kernel on the CPU, float32 or float16; test/onnx/cuda-only.test.ts tries each. */
export const cudaOnly: ReadonlySet<string> = new Set([
  'GroupNorm',
  'SkipGroupNorm',
  'NhwcConv',
  'BiasSplitGelu',
  'BiasAdd',
  'PackedMultiHeadAttention',
]);

/** How onnxruntime says that it has no kernel for an op: of float32, and of float16. */
const REFUSALS = [
  /Could not find an implementation for (?:com\.microsoft\.)?(\w+)\(\d+\)/,
  /Failed to find kernel for (?:com\.microsoft\.)?(\w+)\(\d+\)/,
];

/** The error for a model with an op that the device does not have; undefined if a refusal says something else. */
export function missingKernel(source: string, message: string): InputError | undefined {
  const op = REFUSALS.map((form) => form.exec(message)?.[1]).find(Boolean);
  if (!op) return undefined;
  return new InputError(
    'MODEL_UNSUPPORTED',
    cudaOnly.has(op)
      ? `${source} needs the op ${op}, which onnxruntime has for CUDA only: it was optimised for NVIDIA cards, and no other device can run it.`
      : `${source} needs the op ${op} with types or a version for which onnxruntime has no code on this device.`,
  );
}

/** Field numbers of onnx.proto. */
const MODEL_GRAPH = 7;
const GRAPH_NODE = 1;
const NODE = { op: 4, domain: 7 };

/** The ops of an .onnx file that only CUDA has, each once. Throws MODEL_NOT_FOUND, MODEL_INVALID. */
export function cudaOnlyOps(path: string): string[] {
  return withWireFile(path, (file) => {
    const found = new Set<string>();
    for (const graph of file.fields(0, file.size)) {
      if (graph.number !== MODEL_GRAPH || graph.kind !== 'bytes') continue;
      for (const node of file.fields(graph.start, graph.end))
        if (node.number === GRAPH_NODE && node.kind === 'bytes') {
          const { op, domain } = opOf(file, node);
          if (domain === 'com.microsoft' && cudaOnly.has(op)) found.add(op);
        }
    }
    return [...found];
  });
}

function opOf(file: WireFile, node: Field): { op: string; domain: string } {
  let [op, domain] = ['', ''];
  for (const { number, start, end } of file.fields(node.start, node.end)) {
    const text = () => new TextDecoder().decode(file.bytes(start, Math.min(end, start + 256)));
    if (number === NODE.op) op = text();
    if (number === NODE.domain) domain = text();
  }
  return { op, domain };
}

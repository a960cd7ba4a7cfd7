// A prompt graph from a client → the part that can run, with converted literals, and everything that is wrong with it (protocol: Validation order).
import type { ChoiceSources, ModelKind, NodeFiles } from '../../nodes/node-context.ts';
import type { NodeErrors, PromptError } from '../../schemas/errors.ts';
import type { ApiGraph, ApiNode } from '../../schemas/prompt.ts';
import type { Registry } from '../packs/registry.ts';
import { Cycles } from './cycles.ts';
import { dependentOutputs } from './dependent-outputs.ts';
import {
  exception,
  innerException,
  invalidPrompt,
  missingClassType,
  noOutputs,
  outputsFailed,
  promptTooLarge,
  unknownClass,
} from './problems.ts';
import { shortRepr } from './python-text.ts';
import { typeInWords } from './type-in-words.ts';
import { type NodeValidation, type ValidationContext, validateNode } from './validate-node.ts';
import { createPace, type Path, runVisits } from './visit.ts';

/** Nodes of one prompt: far more than people draw, and still validated in about a second. */
export const MAX_NODES = 20_000;
/** Inputs of one node. */
const MAX_INPUTS = 10_000;
/** Wrong nodes that an answer lists. Nobody reads more, and a graph can be wrong at each of its nodes. */
const MAX_WRONG_LISTED = 1000;

export interface ValidationOptions {
  readonly registry: Registry;
  readonly sources: ChoiceSources;
  readonly files: NodeFiles;
  /** `partial_execution_targets`: only these output nodes are roots. */
  readonly targets?: readonly string[] | null;
  readonly maxNodes?: number;
}

export interface Validation {
  /** A copy with converted literals, `__value__` unwrapped. */
  readonly prompt: ApiGraph;
  /** Output nodes that can run: the roots. */
  readonly outputs: readonly string[];
  /** The errors of wrong nodes (at most 1,000), including those that only outputs which are left out need. */
  readonly nodeErrors: NodeErrors;
  /** Why nothing can run. */
  readonly error?: PromptError;
}

/** Validates a graph of unknown shape. Never throws for what the graph holds. */
export async function validatePrompt(graph: unknown, options: ValidationOptions): Promise<Validation> {
  const { registry, targets, maxNodes = MAX_NODES } = options;
  const refuse = (error: PromptError): Validation => ({ prompt: {}, outputs: [], nodeErrors: {}, error });
  if (typeof graph !== 'object' || graph === null || Array.isArray(graph)) {
    return refuse(invalidPrompt(`prompt must be an object of node ids and nodes, not ${typeInWords(graph)}.`));
  }
  const size = Object.keys(graph).length;
  if (size > maxNodes) return refuse(promptTooLarge(size, maxNodes));
  const error = findUnknownClass(graph as Record<string, unknown>, registry) ?? findWide(graph as ApiGraph);
  if (error) return refuse(error);

  const nodes = new Map<string, ApiNode>(Object.entries(graph as ApiGraph).map(([id, node]) => [id, copyNode(node)]));
  const wanted = targets ? new Set(targets) : undefined;
  const roots = [...nodes.keys()].filter(
    (id) => registry.get(nodes.get(id)!.class_type)?.definition.outputNode && (wanted?.has(id) ?? true),
  );
  if (roots.length === 0) return refuse(noOutputs());

  const results = await validateRoots(roots, nodes, options);
  const outputs = roots.filter((id) => results.get(id)?.valid);
  const failed = roots.filter((id) => !results.get(id)?.valid);
  const wrong = [...results].filter(([, { errors }]) => errors.length > 0).slice(0, MAX_WRONG_LISTED);
  const dependents = dependentOutputs(failed, new Set(wrong.map(([id]) => id)), nodes);
  const nodeErrors: NodeErrors = Object.fromEntries(
    wrong.map(([id, { errors }]) => [
      id,
      { errors, dependent_outputs: dependents.get(id) ?? [], class_type: nodes.get(id)!.class_type },
    ]),
  );
  return {
    prompt: Object.fromEntries(nodes),
    outputs,
    nodeErrors,
    ...(outputs.length === 0 && { error: outputsFailed(failed.flatMap((id) => results.get(id)!.errors)) }),
  };
}

/** Validates every node that the roots need, each once. */
async function validateRoots(
  roots: readonly string[],
  graph: ReadonlyMap<string, ApiNode>,
  { registry, sources, files }: ValidationOptions,
): Promise<Map<string, NodeValidation>> {
  const results = new Map<string, NodeValidation>();
  const visiting = new Set<string>();
  const cycles = new Cycles(graph);
  const context: ValidationContext = {
    graph,
    registry,
    sources: askOnce(sources),
    files,
    recordRaised: (id, raised, link) => results.set(id, { valid: false, errors: [innerException(raised, link)] }),
  };
  const hooks = {
    start: (id: string) => {
      visiting.add(id);
      return validateNode(id, context);
    },
    known: (id: string, path: Path): NodeValidation | undefined => {
      if (!visiting.has(id)) return results.get(id);
      cycles.record(id, path);
      return { valid: false, errors: [] };
    },
    done: (id: string, result: NodeValidation) => {
      visiting.delete(id);
      result.errors.push(...cycles.errorsOf(id));
      if (result.errors.length > 0) result.valid = false;
      results.set(id, result);
    },
    pace: createPace(),
  };
  for (const root of roots) {
    const { raised } = results.get(root) ?? (await runVisits(root, hooks));
    if (raised) results.set(root, { valid: false, errors: [exception(raised)] });
  }
  return results;
}

/** Each question is asked once per validation: thousands of loaders must not read the folder thousands of times. */
function askOnce(sources: ChoiceSources): ChoiceSources {
  const answers = new Map<string, unknown>();
  const once =
    <A extends readonly string[], T>(name: string, ask: (...args: A) => T) =>
    (...args: A): T => {
      const key = [name, ...args].join('\0');
      if (!answers.has(key)) answers.set(key, ask(...args));
      return answers.get(key) as T;
    };
  return {
    inputImages: once('inputImages', () => sources.inputImages()),
    models: once('models', (kind: ModelKind) => sources.models(kind)),
    clips: once('clips', () => sources.clips()),
    checkpoints: once('checkpoints', () => sources.checkpoints()),
    offersModel: once('offersModel', (kind: ModelKind, name: string) => sources.offersModel(kind, name)),
  };
}

function findUnknownClass(graph: Record<string, unknown>, registry: Registry): PromptError | undefined {
  for (const [id, node] of Object.entries(graph)) {
    const { class_type: classType, _meta: meta } = (
      typeof node === 'object' && node !== null ? node : {}
    ) as Partial<ApiNode>;
    const title = typeof meta?.title === 'string' ? meta.title : undefined;
    if (classType === undefined || classType === null) return missingClassType(id, title);
    if (!registry.has(classType)) return unknownClass(id, classType, title);
  }
  return undefined;
}

/** A node with so many inputs that only copying it would keep others waiting. */
function findWide(graph: ApiGraph): PromptError | undefined {
  for (const [id, { inputs }] of Object.entries(graph)) {
    const count = typeof inputs === 'object' && inputs !== null ? Object.keys(inputs).length : 0;
    if (count > MAX_INPUTS)
      return invalidPrompt(`Node ${shortRepr(id)} has ${count} inputs; the limit is ${MAX_INPUTS}.`);
  }
  return undefined;
}

/** A copy whose inputs may be replaced; inputs of a wrong shape stay as they are, to be reported. */
const copyNode = (node: ApiNode): ApiNode => {
  const inputs: unknown = node.inputs;
  const copied = typeof inputs === 'object' && inputs !== null && !Array.isArray(inputs) ? { ...inputs } : inputs;
  return { ...node, inputs: copied as ApiNode['inputs'] };
};

// One node of a prompt: its inputs, its links and what they lead to, its own validator (comfy-api.md 2.2, a-e).
import type { Input, NodeDefinition } from '../../nodes/define-node.ts';
import type { ChoiceSources, NodeFiles } from '../../nodes/node-context.ts';
import type { PromptError } from '../../schemas/errors.ts';
import type { InputInfo } from '../../schemas/node-info.ts';
import type { ApiNode } from '../../schemas/prompt.ts';
import { isRecord } from '../../schemas/record.ts';
import { choicesOf, describeInput } from '../packs/node-info.ts';
import type { Registry } from '../packs/registry.ts';
import { checkLiteral } from './check-literal.ts';
import {
  badLink,
  customFailed,
  inputMissing,
  MAX_LISTED,
  type Raised,
  type Received,
  typeMismatch,
} from './problems.ts';
import { repr, typeName } from './python-text.ts';
import { typesMatch } from './types-match.ts';
import type { Visit } from './visit.ts';

/** What is known of a validated node. */
export interface NodeResult {
  /** The node and all that it needs. */
  valid: boolean;
  readonly errors: PromptError[];
  /** The validation could not be finished; whoever asked for it records that. */
  readonly raised?: Raised;
}

export interface Surroundings {
  readonly graph: ReadonlyMap<string, ApiNode>;
  readonly registry: Registry;
  readonly sources: ChoiceSources;
  readonly files: NodeFiles;
  /** Tells of an exception in a linked node, recorded there. */
  recordRaised(node: string, raised: Raised, link: Received): void;
}

class PythonError extends Error {
  readonly raised: Raised;
  constructor(type: string, message: string) {
    super(message);
    this.raised = { type, message };
  }
}

/** Validates a node; literals of `node.inputs` are replaced by converted ones. */
export function* validateNode(id: string, around: Surroundings): Visit<NodeResult> {
  const result: NodeResult = { valid: true, errors: [] };
  try {
    const node = around.graph.get(id) as ApiNode;
    const { definition } = around.registry.get(node.class_type)!;
    if (!isRecord(node.inputs)) throw new PythonError('KeyError', "'inputs'");
    const faulty = new Set<string>();
    for (const [name, input] of Object.entries(definition.inputs)) {
      const error = yield* validateInput({ name, input, node, definition, around, result });
      if (!error) continue;
      faulty.add(name);
      result.errors.push(error);
    }
    result.errors.push(...(yield* askValidator({ node, definition, faulty, files: around.files })));
  } catch (error) {
    return { valid: false, errors: result.errors, raised: raisedBy(error) };
  }
  if (result.errors.length > 0) result.valid = false;
  return result;
}

interface InputVisit {
  readonly name: string;
  readonly input: Input;
  readonly node: ApiNode;
  readonly definition: NodeDefinition;
  readonly around: Surroundings;
  readonly result: NodeResult;
}

/** What is wrong with an input itself; a faulty node behind it only makes `result` invalid. */
function* validateInput(visit: InputVisit): Generator<{ node: string }, PromptError | undefined, unknown> {
  const { name, input, node, definition, around, result } = visit;
  if (!Object.hasOwn(node.inputs, name)) return input.optional ? undefined : inputMissing(name);
  const value = node.inputs[name];
  const received: Received = { name, config: () => configOf(input, around.sources), value };
  if (!Array.isArray(value)) {
    const literal = isRecord(value) && Object.hasOwn(value, '__value__') ? value.__value__ : value;
    const judged = definition.validates?.includes(name) ?? definition.validate !== undefined;
    const checked = checkLiteral(input, { ...received, value: literal }, { judged, sources: around.sources });
    node.inputs[name] = checked.value;
    return checked.error;
  }
  if (value.length !== 2) return badLink(received);
  const output = linkedType(value, around);
  if (!typesMatch(output.type, input.type) && !(output.list && input.type === 'COMBO')) {
    return typeMismatch(received, output.type, input.type);
  }
  const linked = (yield { node: output.node }) as NodeResult;
  if (linked.raised) around.recordRaised(output.node, linked.raised, received);
  if (!linked.valid) result.valid = false;
  return undefined;
}

/** The output that a link names. Throws what Python would for a missing node or slot. */
function linkedType([id, slot]: unknown[], { graph, registry }: Surroundings) {
  if (typeof id === 'object' && id !== null) throw new PythonError('TypeError', `unhashable type: '${typeName(id)}'`);
  const linked = typeof id === 'string' ? graph.get(id) : undefined;
  if (linked === undefined) throw new PythonError('KeyError', repr(id));
  const outputs = Object.values(registry.get(linked.class_type)!.definition.outputs);
  if (!Number.isInteger(slot)) {
    throw new PythonError('TypeError', `tuple indices must be integers or slices, not ${typeName(slot)}`);
  }
  const output = outputs[slot as number];
  if (output === undefined) throw new PythonError('IndexError', 'tuple index out of range');
  return { node: id as string, type: output.type, list: output.list };
}

/** Errors of the node's own validator. It is not asked about values that are faulty already. */
function* askValidator({
  node,
  definition,
  faulty,
  files,
}: {
  node: ApiNode;
  definition: NodeDefinition;
  faulty: ReadonlySet<string>;
  files: NodeFiles;
}): Generator<{ promise: Promise<unknown> }, PromptError[], unknown> {
  if (!definition.validate) return [];
  const given = Object.keys(definition.inputs).filter((name) => Object.hasOwn(node.inputs, name));
  const judged = definition.validates?.length ? definition.validates.filter((name) => given.includes(name)) : given;
  if (
    (definition.validates?.length ? [...definition.validates] : Object.keys(definition.inputs)).some((n) =>
      faulty.has(n),
    )
  ) {
    return [];
  }
  const literals = Object.fromEntries(
    given.filter((name) => !Array.isArray(node.inputs[name])).map((name) => [name, node.inputs[name]]),
  );
  const { validate } = definition;
  const answer = yield { promise: (async () => validate.call(definition, literals, { files }))() };
  if (answer === true) return [];
  const names = judged.length > 0 ? judged : [definition.type];
  return names.map((name) => customFailed(name, typeof answer === 'string' ? answer : undefined));
}

const configOf = (input: Input, sources: ChoiceSources): InputInfo | null =>
  choicesOf(input, sources).length > MAX_LISTED ? null : describeInput(input, sources);

function raisedBy(error: unknown): Raised {
  if (error instanceof PythonError) return error.raised;
  return error instanceof Error
    ? { type: error.name, message: error.message }
    : { type: 'Exception', message: String(error) };
}

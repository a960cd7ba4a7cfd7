// One node of a prompt → its errors: inputs, links and what they lead to, its own validator (protocol: Validation order).
import type { Input, NodeDefinition } from '../../nodes/define-node.ts';
import type { ChoiceSources, NodeFiles } from '../../nodes/node-context.ts';
import type { PromptError } from '../../schemas/errors.ts';
import type { InputInfo } from '../../schemas/node-info.ts';
import type { ApiNode } from '../../schemas/prompt.ts';
import { isRecord } from '../../schemas/record.ts';
import { choicesOf, describeInput } from '../packs/node-info.ts';
import type { Registry } from '../packs/registry.ts';
import { checkLiteral } from './check-literal.ts';
import { linkedOutput, UnusableNodeError } from './linked-output.ts';
import {
  badLink,
  customFailed,
  inputMissing,
  MAX_LISTED,
  type Raised,
  type Received,
  typeMismatch,
} from './problems.ts';
import { typesMatch } from './types-match.ts';
import type { Visit } from './visit.ts';

/** What the validation of a node found. */
export interface NodeValidation {
  /** Is the node valid, and everything that it needs? */
  valid: boolean;
  readonly errors: PromptError[];
  /** The validation could not be finished; the node that asked for it records that. */
  readonly raised?: Raised;
}

export interface ValidationContext {
  readonly graph: ReadonlyMap<string, ApiNode>;
  readonly registry: Registry;
  readonly sources: ChoiceSources;
  readonly files: NodeFiles;
  /** Records an exception in a linked node at that node. */
  recordRaised(node: string, raised: Raised, link: Received): void;
}

const NO_INPUTS = 'The node must have "inputs": an object of input names and values, which may be empty.';

/** Validates a node; literals of `node.inputs` are replaced by converted ones. */
export function* validateNode(id: string, context: ValidationContext): Visit<NodeValidation> {
  const result: NodeValidation = { valid: true, errors: [] };
  try {
    const node = context.graph.get(id) as ApiNode;
    const { definition } = context.registry.get(node.class_type)!;
    if (!isRecord(node.inputs)) throw new UnusableNodeError('KeyError', NO_INPUTS);
    const faulty = new Set<string>();
    for (const [name, input] of Object.entries(definition.inputs)) {
      const error = yield* validateInput({ name, input, node, definition, context, result });
      if (!error) continue;
      faulty.add(name);
      result.errors.push(error);
    }
    result.errors.push(...(yield* askValidator({ node, definition, faulty, files: context.files })));
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
  readonly context: ValidationContext;
  readonly result: NodeValidation;
}

/** What is wrong with the input itself; a faulty node that it links to only makes `result` invalid. */
function* validateInput(visit: InputVisit): Generator<{ node: string }, PromptError | undefined, unknown> {
  const { name, input, node, definition, context, result } = visit;
  if (!Object.hasOwn(node.inputs, name)) return input.optional ? undefined : inputMissing(name);
  const value = node.inputs[name];
  const received: Received = { name, config: () => configOf(input, context.sources), value };
  if (!Array.isArray(value)) {
    const literal = isRecord(value) && Object.hasOwn(value, '__value__') ? value.__value__ : value;
    const judged = definition.validates?.includes(name) ?? definition.validate !== undefined;
    const checked = checkLiteral(input, { ...received, value: literal }, { judged, sources: context.sources });
    node.inputs[name] = checked.value;
    return checked.error;
  }
  if (value.length !== 2) return badLink(received);
  const output = linkedOutput(value, { input: name, ...context });
  if (!typesMatch(output.type, input.type) && !(output.list && input.type === 'COMBO')) {
    return typeMismatch(received, output.type, input.type);
  }
  const linked = (yield { node: output.node }) as NodeValidation;
  if (linked.raised) context.recordRaised(output.node, linked.raised, received);
  if (!linked.valid) result.valid = false;
  return undefined;
}

interface ValidatorCall {
  readonly node: ApiNode;
  readonly definition: NodeDefinition;
  readonly faulty: ReadonlySet<string>;
  readonly files: NodeFiles;
}

/** Errors of the node's own validator. It is not asked about values that are already known to be faulty. */
function* askValidator({
  node,
  definition,
  faulty,
  files,
}: ValidatorCall): Generator<{ promise: Promise<unknown> }, PromptError[], unknown> {
  if (!definition.validate) return [];
  const all = Object.keys(definition.inputs);
  const named = definition.validates?.length ? definition.validates : all;
  if (named.some((name) => faulty.has(name))) return [];
  const given = all.filter((name) => Object.hasOwn(node.inputs, name));
  const judged = named.filter((name) => given.includes(name));
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
  if (error instanceof UnusableNodeError) return error.raised;
  return error instanceof Error
    ? { type: error.name, message: error.message }
    : { type: 'Exception', message: String(error) };
}

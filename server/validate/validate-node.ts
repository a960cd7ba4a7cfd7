// One node of a prompt → its errors: inputs, links and what they lead to, its own validator (protocol: Validation order).
import type { Input, NodeDefinition } from '../../nodes/define-node.ts';
import type { ChoiceSources, NodeFiles } from '../../nodes/node-context.ts';
import { isMadeByNodes } from '../../nodes/values.ts';
import type { PromptError } from '../../schemas/errors.ts';
import { isLink, unwrapLiteral, wrapLiteral } from '../../schemas/literal.ts';
import type { InputInfo } from '../../schemas/node-info.ts';
import type { ApiNode } from '../../schemas/prompt.ts';
import { isRecord } from '../../schemas/record.ts';
import { choicesOf } from '../packs/choices.ts';
import { inputNamed, inputsOf } from '../packs/inputs-of.ts';
import { describeInput } from '../packs/node-info.ts';
import type { Registry } from '../packs/registry.ts';
import { askValidator } from './ask-validator.ts';
import { checkLiteral } from './check-literal.ts';
import { linkedOutput, UnusableNodeError } from './linked-output.ts';
import {
  badLink,
  inputMissing,
  MAX_LISTED,
  onlyLinkable,
  type Raised,
  type Received,
  typeMismatch,
  undeclaredLink,
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

/** Validates a node; literals of `node.inputs` are replaced by converted ones, and a list stays in its `__value__`. */
export function* validateNode(id: string, context: ValidationContext): Visit<NodeValidation> {
  const result: NodeValidation = { valid: true, errors: [] };
  try {
    const node = context.graph.get(id) as ApiNode;
    const { definition } = context.registry.get(node.class_type)!;
    if (!isRecord(node.inputs)) throw new UnusableNodeError('KeyError', NO_INPUTS);
    const faulty = new Set<string>();
    const linkTypes = new Map<string, string>();
    for (const [name, input] of [...inputsOf(definition), ...undeclaredLinks(node, definition)]) {
      const error = yield* validateInput({ name, input, node, definition, context, result, linkTypes });
      if (!error) continue;
      faulty.add(name);
      result.errors.push(error);
    }
    const { files } = context;
    result.errors.push(
      ...(yield* askValidator({ node, definition, faulty, linkTypes: Object.fromEntries(linkTypes), files })),
    );
  } catch (error) {
    return { valid: false, errors: result.errors, raised: raisedBy(error) };
  }
  if (result.errors.length > 0) result.valid = false;
  return result;
}

/** Links that a class does not know, of one node, are told up to this number. */
const MAX_UNDECLARED = 20;

/** Links at inputs that the class does not declare, and what it takes there: nothing, unless it has `anyInputs`. */
function undeclaredLinks({ inputs }: ApiNode, definition: NodeDefinition): [string, Input | undefined][] {
  const declared = new Set(inputsOf(definition).map(([name]) => name));
  const links = Object.keys(inputs).filter((name) => !declared.has(name) && isLink(inputs[name]));
  const told = definition.anyInputs ? links : links.slice(0, MAX_UNDECLARED);
  return told.map((name) => [name, inputNamed(definition, name)]);
}

interface InputVisit {
  readonly name: string;
  /** Undefined: the class has no such input. */
  readonly input: Input | undefined;
  readonly node: ApiNode;
  readonly definition: NodeDefinition;
  readonly context: ValidationContext;
  readonly result: NodeValidation;
  /** Linked input → the type of the output that it is linked to. */
  readonly linkTypes: Map<string, string>;
}

/** What is wrong with the input itself; a faulty node that it links to only makes `result` invalid. */
function* validateInput(visit: InputVisit): Generator<{ node: string }, PromptError | undefined, unknown> {
  const { name, input, node, definition, context, result, linkTypes } = visit;
  if (!input) return undeclaredLink(name, definition.type);
  if (!Object.hasOwn(node.inputs, name)) return input.optional ? undefined : inputMissing(name);
  const value = node.inputs[name];
  const received: Received = { name, config: () => configOf(input, context.sources), value };
  if (!Array.isArray(value)) return validateLiteral(visit, input, { ...received, value: unwrapLiteral(value) });
  if (value.length !== 2) return badLink(received);
  const output = linkedOutput(value, { input: name, ...context });
  linkTypes.set(name, output.type);
  const fits = typesMatch(output.type, input.type) || (output.list && input.type === 'COMBO');
  if (!fits && !definition.validatesLinkTypes) return typeMismatch(received, output.type, input.type);
  const linked = (yield { node: output.node }) as NodeValidation;
  if (linked.raised) context.recordRaised(output.node, linked.raised, received);
  if (!linked.valid) result.valid = false;
  return undefined;
}

/** Puts the converted literal in its place; a list is wrapped again, or the executor would take it for a link. */
function validateLiteral({ node, definition, context }: InputVisit, input: Input, received: Received) {
  const { name, value } = received;
  if (isMadeByNodes(input.type) && !(input.optional && value === null)) return onlyLinkable(received, input.type);
  const judged = definition.validates?.includes(name) ?? definition.validate !== undefined;
  const checked = checkLiteral(input, received, { judged, sources: context.sources });
  node.inputs[name] = wrapLiteral(checked.value);
  return checked.error;
}

/** Always `[type, options]`, also without options; null for a combo of many choices. */
function configOf(input: Input, sources: ChoiceSources): InputInfo | null {
  if (choicesOf(input, sources).length > MAX_LISTED) return null;
  const [type, options = {}] = describeInput(input, sources);
  return [type, options];
}

function raisedBy(error: unknown): Raised {
  if (error instanceof UnusableNodeError) return error.raised;
  return error instanceof Error
    ? { type: error.name, message: error.message }
    : { type: 'Exception', message: String(error) };
}

// What can be wrong with a prompt, with ComfyUI's types and messages: clients and front ends read them (protocol: Validation errors).
import type { PromptError } from '../../schemas/errors.ts';
import type { InputInfo } from '../../schemas/node-info.ts';
import { numberText } from './coerce.ts';
import { shortRepr, shortStr } from './python-text.ts';

/** Combos with more choices are not listed in errors. */
export const MAX_LISTED = 20;

/** An exception: `type` is the name of its class, in Python's terms if ComfyUI raises one here. */
export interface Raised {
  readonly type: string;
  readonly message: string;
}

/** An input and the value that it was given. */
export interface Received {
  readonly name: string;
  /** `[type, options]`, as in object_info; null for a combo of many choices. */
  readonly config: () => InputInfo | null;
  readonly value: unknown;
}

const problem = (type: string, message: string, details: string, extra: Record<string, unknown> = {}): PromptError => ({
  type,
  message,
  details,
  extra_info: extra,
});

const about = ({ name, config, value }: Received): Record<string, unknown> => ({
  input_name: name,
  input_config: config(),
  received_value: brief(value),
});

/** A value as it came; of a large one the beginning of its text. */
const brief = (value: unknown): unknown => {
  const text = typeof value === 'object' || typeof value === 'string' ? shortStr(value) : '';
  return text.endsWith('…') ? text : value;
};

// Of the whole prompt

export const noPrompt = (): PromptError => problem('no_prompt', 'No prompt provided', 'No prompt provided');

export const invalidPrompt = (details: string): PromptError => problem('invalid_prompt', 'Invalid prompt', details);

export const promptTooLarge = (nodes: number, limit: number): PromptError =>
  problem('prompt_too_large', 'Prompt has too many nodes', `The prompt has ${nodes} nodes; the limit is ${limit}.`);

export const missingClassType = (id: string, title: string | undefined): PromptError =>
  problem(
    'missing_node_type',
    `Node '${title ?? `ID #${id}`}' has no class_type. The workflow may be corrupted or a custom node is missing.`,
    `Node ID '#${id}'`,
    { node_id: id, class_type: null, node_title: title ?? null },
  );

export const unknownClass = (id: string, classType: unknown, title: string | undefined): PromptError =>
  problem(
    'missing_node_type',
    `Node '${title ?? shortStr(classType)}' not found. The custom node may not be installed.`,
    `Node ID '#${id}'`,
    { node_id: id, class_type: classType, node_title: title ?? null },
  );

export const noOutputs = (): PromptError => problem('prompt_no_outputs', 'Prompt has no outputs', '');

/** Errors that `details` of the whole prompt repeats. */
const MAX_FAILED_TOLD = 1000;

/** `failed`: the errors of the output nodes that failed, without those of the nodes that they need. */
export const outputsFailed = (failed: readonly PromptError[]): PromptError =>
  problem(
    'prompt_outputs_failed_validation',
    'Prompt outputs failed validation',
    failed
      .slice(0, MAX_FAILED_TOLD)
      .map(({ message, details }) => `${message}: ${details}`)
      .join('\n'),
  );

// Of one input

export const inputMissing = (name: string): PromptError =>
  problem('required_input_missing', 'Required input is missing', name, { input_name: name });

export const badLink = (input: Received): PromptError =>
  problem(
    'bad_linked_input',
    'Bad linked input, must be a length-2 list of [node_id, slot_index]',
    input.name,
    about(input),
  );

export const undeclaredLink = (name: string, classType: string): PromptError =>
  problem(
    'undeclared_input',
    'Linked input does not exist',
    `${name}: ${classType} has no input of that name. Remove the link, or install the version of the node that has it.`,
    { input_name: name },
  );

export const typeMismatch = ({ name, config, value }: Received, received: string, declared: string): PromptError =>
  problem(
    'return_type_mismatch',
    'Return type mismatch between linked nodes',
    `${name}, received_type(${received}) mismatch input_type(${declared})`,
    { input_name: name, input_config: config(), received_type: received, linked_node: value },
  );

export const notConvertible = (input: Received, type: string, reason: string): PromptError =>
  problem(
    'invalid_input_type',
    `Failed to convert an input value to a ${type} value`,
    `${input.name}, ${shortStr(input.value)}, ${reason}`,
    { ...about(input), exception_message: reason },
  );

/** A literal where only a link can be. */
export const onlyLinkable = (input: Received, type: string): PromptError =>
  notConvertible(input, type, `only nodes make values of this type: link an output of type ${type} to the input`);

type Numeric = number | bigint;

export const tooSmall = (input: Received & { value: Numeric }, type: string, min: Numeric): PromptError =>
  problem(
    'value_smaller_than_min',
    `Value ${numberText(type, input.value)} smaller than min of ${numberText(type, min)}`,
    input.name,
    about(input),
  );

export const tooBig = (input: Received & { value: Numeric }, type: string, max: Numeric): PromptError =>
  problem(
    'value_bigger_than_max',
    `Value ${numberText(type, input.value)} bigger than max of ${numberText(type, max)}`,
    input.name,
    about(input),
  );

/** `hint`: a sentence that says what to do. */
export const notInList = (
  input: Received,
  bad: readonly unknown[],
  { choices, hint }: { readonly choices: readonly string[]; readonly hint?: string | undefined },
): PromptError => {
  const long = choices.length > MAX_LISTED;
  const listed = long ? `(list of length ${choices.length})` : shortRepr(choices);
  return problem(
    'value_not_in_list',
    'Value not in list',
    `${input.name}: ${bad.map(shortRepr).join(', ').slice(0, 2000)} not in ${listed}${hint ? `. ${hint}` : ''}`,
    about(input),
  );
};

/** `reason`: what the node's own validator said, if it said anything. */
export const customFailed = (name: string, reason: string | undefined): PromptError =>
  problem(
    'custom_validation_failed',
    'Custom validation failed for node',
    reason === undefined ? name : `${name} - ${reason}`,
    { input_name: name },
  );

/** Recorded at the node that raised it, with the link through which the node was reached. */
export const innerException = (raised: Raised, { name, config, value }: Received): PromptError =>
  problem('exception_during_inner_validation', 'Exception when validating inner node', raised.message, {
    input_name: name,
    input_config: config(),
    exception_message: raised.message,
    exception_type: raised.type,
    traceback: [],
    linked_node: value,
  });

// Of one node

export const exception = (raised: Raised): PromptError =>
  problem('exception_during_validation', 'Exception when validating node', raised.message, {
    exception_type: raised.type,
    traceback: [],
  });

/** `cycle`: the nodes on it, each linked to the next and the last to the first. */
export const dependencyCycle = (id: string, cycle: readonly { id: string; classType: string }[]): PromptError =>
  problem('dependency_cycle', 'Dependency cycle detected', textOfCycle(cycle), {
    node_id: id,
    cycle_nodes: cycle.slice(0, MAX_CYCLE_LISTED).map((node) => shortId(node.id)),
  });

/** Only the beginning of a longer cycle is listed: the text is repeated on each of its nodes. */
const MAX_CYCLE_LISTED = 20;
/** Ids may have any length, and stand in the text many times. */
const MAX_ID_SHOWN = 100;

const shortId = (id: string): string => (id.length > MAX_ID_SHOWN ? `${id.slice(0, MAX_ID_SHOWN)}…` : id);

function textOfCycle(cycle: readonly { id: string; classType: string }[]): string {
  const told = cycle.slice(0, MAX_CYCLE_LISTED).map((node) => `${shortId(node.id)} (${node.classType})`);
  const more = cycle.length > told.length ? [`… ${cycle.length - told.length} more`] : [];
  return [...told, ...more, told[0]].join(' -> ');
}

// A node whose inputs are checked → what its own validator says of them (protocol: Validation order).
import type { NodeDefinition } from '../../nodes/define-node.ts';
import type { NodeFiles } from '../../nodes/node-context.ts';
import type { PromptError } from '../../schemas/errors.ts';
import { unwrapLiteral } from '../../schemas/literal.ts';
import type { ApiNode } from '../../schemas/prompt.ts';
import { inputsOf } from '../packs/inputs-of.ts';
import { customFailed } from './problems.ts';

interface ValidatorCall {
  readonly node: ApiNode;
  readonly definition: NodeDefinition;
  /** Inputs that are known to be wrong. */
  readonly faulty: ReadonlySet<string>;
  /** Linked input → the type of the output that it is linked to. */
  readonly linkTypes: Readonly<Record<string, string>>;
  readonly files: NodeFiles;
}

/** Errors of the node's own validator. It is not asked about values that are already known to be faulty. */
export function* askValidator({
  node,
  definition,
  faulty,
  linkTypes,
  files,
}: ValidatorCall): Generator<{ promise: Promise<unknown> }, PromptError[], unknown> {
  if (!definition.validate) return [];
  const all = inputsOf(definition).map(([name]) => name);
  const named = definition.validates?.length ? definition.validates : all;
  if (named.some((name) => faulty.has(name))) return [];
  const given = all.filter((name) => Object.hasOwn(node.inputs, name));
  const judged = named.filter((name) => given.includes(name));
  const literals = Object.fromEntries(
    given.filter((name) => !Array.isArray(node.inputs[name])).map((name) => [name, unwrapLiteral(node.inputs[name])]),
  );
  const { validate } = definition;
  const answer = yield { promise: (async () => validate.call(definition, literals, { files, linkTypes }))() };
  if (answer === true) return [];
  const names = judged.length > 0 ? judged : [definition.type];
  return names.map((name) => customFailed(name, typeof answer === 'string' ? answer : undefined));
}

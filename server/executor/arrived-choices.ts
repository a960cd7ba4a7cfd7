// Values that reach combos through links → refused unless the combo offers them: validation saw only the link.
import { InputError } from '../../engine/errors.ts';
import type { NodeDefinition } from '../../nodes/define-node.ts';
import type { ChoiceSources, NodeContext } from '../../nodes/node-context.ts';
import { isMadeByNodes } from '../../nodes/values.ts';
import { choicesOf, notOffered } from '../packs/choices.ts';
import { inputsOf } from '../packs/inputs-of.ts';
import type { GraphNode } from './graph.ts';
import { summariseValue } from './summarise-value.ts';

/** The combos of a node that are linked. */
export const linkedChoices = ({ inputs }: GraphNode, definition: NodeDefinition): readonly string[] =>
  inputsOf(definition).flatMap(([name, { type, options }]) => {
    const source = inputs.get(name);
    return type === 'COMBO' && !options.rawLink && source && 'link' in source ? [name] : [];
  });

interface Arrived {
  readonly definition: NodeDefinition;
  /** The arguments of one call. */
  readonly args: Readonly<Record<string, unknown>>;
  readonly context: Pick<NodeContext, 'files'>;
  readonly sources: ChoiceSources;
}

/**
 * Checks the values of the combos `names` as validation checks literals: a combo that the node's own validator judges is judged by
 * it, any other must offer the value. Throws OPTION_INVALID.
 */
export async function checkArrived(names: readonly string[], arrived: Arrived): Promise<void> {
  const { definition } = arrived;
  const isJudged = (name: string) =>
    !definition.inputIsList && (definition.validates?.includes(name) ?? definition.validate !== undefined);
  const inputs = new Map(inputsOf(definition));
  for (const name of names) {
    const value = arrived.args[name];
    if (isJudged(name) || value === undefined) continue;
    for (const one of definition.inputIsList ? (value as unknown[]) : [value]) {
      const bad = notOffered(inputs.get(name)!, one, arrived.sources);
      if (bad.length > 0) refuse(definition, name, bad[0], choicesOf(inputs.get(name)!, arrived.sources));
    }
  }
  if (names.some(isJudged)) await askValidator(arrived);
}

const MAX_LISTED = 20;

function refuse({ displayName }: NodeDefinition, name: string, bad: unknown, choices: readonly string[]): never {
  const listed = `${choices.slice(0, MAX_LISTED).join(', ')}${choices.length > MAX_LISTED ? ', …' : ''}`;
  throw new InputError(
    'OPTION_INVALID',
    `${displayName}: ${name} must be one of ${listed || 'the choices, of which there are none'}; the link gave ${summariseValue(bad)}.`,
  );
}

/** The validator is asked about all values that could be literals; those that were have passed it before. */
async function askValidator({ definition, args, context: { files } }: Arrived): Promise<void> {
  const names = inputsOf(definition).flatMap(([name, { type }]) =>
    name in args && !isMadeByNodes(type) ? [name] : [],
  );
  const literals = Object.fromEntries(names.map((name) => [name, args[name]]));
  const answer = await definition.validate?.(literals, { files, linkTypes: {} });
  if (answer === true || answer === undefined) return;
  throw new InputError(
    'OPTION_INVALID',
    `${definition.displayName} refuses what its links gave${typeof answer === 'string' ? `: ${answer}` : ''}.`,
  );
}

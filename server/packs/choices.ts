// A combo → the choices that it offers now, and which of the values given to it are none of them.
import type { Input } from '../../nodes/define-node.ts';
import type { ChoiceSources } from '../../nodes/node-context.ts';

/** The choices that a combo offers now. */
export const choicesOf = ({ choices = [] }: Input, sources: ChoiceSources): readonly string[] =>
  typeof choices === 'function' ? choices(sources) : choices;

const sets = new WeakMap<readonly string[], ReadonlySet<unknown>>();

/** The list as a set, made once: a prompt may have thousands of loaders, and a folder thousands of pictures. */
function setOf(choices: readonly string[]): ReadonlySet<unknown> {
  const known = sets.get(choices);
  if (known) return known;
  const set = new Set(choices);
  sets.set(choices, set);
  return set;
}

/** The values that a combo does not accept: of one value, or of a list if the combo takes several. */
export function notOffered(input: Input, value: unknown, sources: ChoiceSources): readonly unknown[] {
  const several = (input.options as { multiselect?: boolean }).multiselect === true && Array.isArray(value);
  const given: readonly unknown[] = several ? value : [value];
  const choices = setOf(choicesOf(input, sources));
  const { model } = input;
  const accepts = (entry: unknown): boolean =>
    choices.has(entry) || (model !== undefined && typeof entry === 'string' && sources.offersModel(model, entry));
  return given.filter((entry) => !accepts(entry));
}

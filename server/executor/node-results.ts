// What a node returned, call by call → its outputs as lists, what it shows, and the graph that runs in its place.
import { Blocker, type NodeDefinition, NodeResult } from '../../nodes/define-node.ts';
import type { UiOutput } from '../../schemas/events.ts';
import { isLink } from '../../schemas/literal.ts';
import type { ApiGraph, Link } from '../../schemas/prompt.ts';
import type { ResultLookup } from './result-store.ts';

/** One call's result: a value per output in the order of declaration, or a blocker for all of them. */
export interface CallResult {
  readonly values: readonly unknown[] | Blocker;
  readonly ui: UiOutput | undefined;
  readonly expand: ApiGraph | undefined;
}

/** What all calls of one node returned. */
export interface CallResults {
  readonly results: readonly CallResult[];
  /** Merged over the calls. */
  readonly ui: UiOutput | undefined;
}

/** Reads what `run` returned. Throws an Error that says which output is missing or is not a list. */
export function readReturn(definition: NodeDefinition, returned: unknown): CallResult {
  if (returned instanceof Blocker) return { values: returned, ui: undefined, expand: undefined };
  const result = returned instanceof NodeResult ? returned : new NodeResult({ outputs: returned as object });
  const { expand } = result;
  const given: unknown = result.outputs ?? {};
  const names = Object.entries(definition.outputs);
  if (given instanceof Blocker) return { values: given, ui: jsonUi(result.ui), expand };
  if (typeof given !== 'object' || Array.isArray(given))
    throw new Error(
      `${definition.type} returned ${Array.isArray(given) ? 'an array' : `a ${typeof given}`}: an object of its outputs was expected.`,
    );
  const values = names.map(([name, { list }]) => {
    if (!Object.hasOwn(given as object, name)) throw new Error(`${definition.type} returned no output "${name}".`);
    const value = (given as Record<string, unknown>)[name];
    const fits = !list || Array.isArray(value) || value instanceof Blocker;
    if (!fits) throw new Error(`${definition.type} must return a list for its list output "${name}".`);
    return value;
  });
  return { values, ui: jsonUi(result.ui), expand };
}

/** As it survives JSON: what can't be sent to a client fails here, at the node that made it. */
function jsonUi(ui: UiOutput | undefined): UiOutput | undefined {
  if (ui === undefined || Object.keys(ui).length === 0) return undefined;
  const copy = JSON.parse(JSON.stringify(ui)) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(copy).map(([key, v]) => [key, Array.isArray(v) ? v : [v]]));
}

/** What several calls show as one record: for each key of the first, the lists of all calls joined. */
export function mergeUi(results: readonly CallResult[]): UiOutput | undefined {
  const shown = results.flatMap(({ ui }) => (ui ? [ui] : []));
  if (shown.length === 0) return undefined;
  return Object.fromEntries(Object.keys(shown[0]).map((key) => [key, shown.flatMap((record) => record[key] ?? [])]));
}

/** Links among the outputs of calls that expanded. */
export const linksOf = (results: readonly CallResult[]) =>
  results.flatMap(({ values, expand }) => (expand && Array.isArray(values) ? values.filter(isLink) : []));

/**
 * One list per output: an element per call or, for a list output, the returned lists joined. A link returned by a call
 * that expanded stands for every value of the output that it names.
 */
export function mergeOutputs(
  definition: NodeDefinition,
  results: readonly CallResult[],
  lookup: ResultLookup,
): unknown[][] {
  return Object.values(definition.outputs).map(({ list }, slot) =>
    results.flatMap(({ values, expand }): readonly unknown[] => {
      if (values instanceof Blocker) return [values];
      const value = values[slot];
      if (expand && isLink(value)) return linkedValues(value, lookup);
      return list && Array.isArray(value) ? value : [value];
    }),
  );
}

function linkedValues([id, slot]: Link, lookup: ResultLookup): readonly unknown[] {
  const list = lookup.get(id)?.outputs[slot];
  if (list === undefined) throw new Error(`The expansion links to output ${slot} of node ${id}, which does not exist.`);
  return list;
}

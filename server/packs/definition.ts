// What a module of a pack exports → checked node definitions: packs are written in JavaScript, without our types.
import { z } from 'zod';
import type { NodeDefinition } from '../../nodes/define-node.ts';
import { type PackApi, packApi } from '../../nodes/pack-api.ts';

const isFunction = (value: unknown) => typeof value === 'function';
const optionalFunction = z.custom<unknown>(isFunction, 'must be a function').optional();

// Classes and inputs can't be named `__proto__`: their names become keys of JSON objects.
const name = z
  .string()
  .min(1)
  .max(200)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  .regex(/^(?!__proto__$)[^\u0000-\u001f]*$/, 'must be a printable name');

const input = z.object({
  type: name,
  options: z.looseObject({}),
  optional: z.boolean(),
  choices: z.union([z.array(z.string()), z.custom<unknown>(isFunction)], 'must be a list or a function').optional(),
});
const output = z.object({ type: name, list: z.boolean() });

const definition = z.object({
  type: name,
  displayName: z.string(),
  category: z.string(),
  description: z.string(),
  inputs: z.record(name, input, 'must be an object of inputs: string(), int(), port(…), …'),
  outputs: z.record(name, output, 'must be an object of outputs: port(…), list(port(…))'),
  hidden: z
    .record(
      name,
      z.union(
        [z.enum(['PROMPT', 'EXTRA_PNGINFO', 'UNIQUE_ID', 'DYNPROMPT']), input],
        'must be a hidden value or an input',
      ),
    )
    .optional(),
  anyInputs: z.boolean().optional(),
  validatesLinkTypes: z.boolean().optional(),
  outputNode: z.boolean().optional(),
  inputIsList: z.boolean().optional(),
  hasIntermediateOutput: z.boolean().optional(),
  notIdempotent: z.boolean().optional(),
  deprecated: z.boolean().optional(),
  experimental: z.boolean().optional(),
  searchAliases: z.array(z.string()).optional(),
  validates: z.array(z.string()).optional(),
  run: z.custom<unknown>(isFunction, 'must be a function'),
  fingerprint: optionalFunction,
  validate: optionalFunction,
  checkLazyStatus: optionalFunction,
});

const looksLikeNode = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'run' in value && 'type' in value;

/** What may be nodes: the default export, called if it is a function, and named exports that look like nodes. */
async function candidates(exported: Readonly<Record<string, unknown>>): Promise<unknown[]> {
  const { default: main, ...named } = exported;
  const given = isFunction(main) ? await (main as (api: PackApi) => unknown)(packApi) : main;
  const found: unknown[] = given === undefined ? [] : Array.isArray(given) ? [...given] : [given];
  for (const value of Object.values(named)) {
    if (Array.isArray(value)) found.push(...value.filter(looksLikeNode));
    else if (looksLikeNode(value)) found.push(value);
  }
  return [...new Set(found)];
}

/**
 * The nodes of a module: its default export is a function `(api) => nodes`, a definition or a list of them; named exports
 * may be definitions, too. Throws an Error that says which node is wrong and how; it names the file by `module`.
 */
export async function definitionsOf(
  module: string,
  exported: Readonly<Record<string, unknown>>,
): Promise<NodeDefinition[]> {
  const found = await candidates(exported);
  if (found.length === 0) {
    throw new Error(
      `${module} exports no nodes: expected \`export default ({ defineNode, … }) => [defineNode({ … })]\``,
    );
  }
  for (const [index, candidate] of found.entries()) {
    const result = definition.safeParse(candidate);
    if (result.success) continue;
    const type = (candidate as { type?: unknown } | null | undefined)?.type;
    const which = typeof type === 'string' ? `node ${type}` : `node number ${index + 1}`;
    const [issue] = result.error.issues;
    throw new Error(`${module}: ${which}: ${issue.path.join('.') || 'the export'}: ${issue.message}`);
  }
  return found as NodeDefinition[];
}

// Name of a template or a file → a prompt graph in API format, with values set from the command line.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { invalid } from '../engine/check.ts';
import { InputError } from '../engine/errors.ts';
import { packageFile } from '../engine/package-root.ts';
import { type ApiGraph, type ApiNode, apiGraph } from '../schemas/prompt.ts';
import { uiGraph04 } from '../schemas/template.ts';
import { parseJson } from '../server/json.ts';
import type { Registry } from '../server/packs/registry.ts';

/** What our manifest says of a template. */
export interface TemplateEntry {
  readonly name: string;
  readonly description: string;
}

/** Our templates, in the manifest's order. */
export const templateEntries = (): TemplateEntry[] =>
  JSON.parse(readFileSync(packageFile('manifest.json'), 'utf8')).templates;

const templateNames = (): string[] => templateEntries().map(({ name }) => name);

/** A name with more wrong letters is no typing error. */
const MAX_EDITS = 3;

/** The graph of a template or a file, which may be in API format or as a front end saves it. Throws OPTION_INVALID. */
export async function readGraphFile(nameOrPath: string, registry: Registry): Promise<ApiGraph> {
  const isTemplate = templateNames().includes(nameOrPath);
  const path = isTemplate ? packageFile('templates', 'api', `${nameOrPath}.json`) : nameOrPath;
  const json = readJsonFile(path);
  const graph = apiGraph.safeParse(json);
  if (graph.success) return graph.data;
  const saved = uiGraph04.safeParse(json);
  if (!saved.success)
    throw new InputError(
      'OPTION_INVALID',
      `${path} is not a graph: neither in API format nor as a front end saves it.`,
    );
  const { toApiGraph } = await import('../server/saved-graph/ui-graph.ts');
  try {
    return toApiGraph(saved.data, registry);
  } catch (error) {
    throw new InputError('OPTION_INVALID', `Cannot run ${path}: ${(error as Error).message}.`, { cause: error });
  }
}

/** Of the templates, the one that was probably meant. */
function suggestion(name: string): string {
  const distances = templateNames().map((known) => ({ known, edits: editsBetween(name.toLowerCase(), known) }));
  const [nearest] = distances.sort((a, b) => a.edits - b.edits);
  return nearest && nearest.edits <= MAX_EDITS ? ` Did you mean ${nearest.known}?` : '';
}

/** Letters to insert, leave out or replace. */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++)
      next.push(Math.min(next[j] + 1, row[j + 1] + 1, row[j] + (letter === to[j] ? 0 : 1)));
    row = next;
  }
  return row[to.length];
}

function readJsonFile(path: string): unknown {
  if (!existsSync(path))
    throw new InputError(
      'OPTION_INVALID',
      `There is no template and no file "${path}".${suggestion(path)} Templates: ${templateNames().join(', ')}.`,
    );
  try {
    return parseJson(readFileSync(path, 'utf8'));
  } catch (error) {
    const why = (error as Error).message.replace(/\.$/, '');
    throw new InputError('OPTION_INVALID', `Cannot read the graph ${path}: ${why}.`, { cause: error });
  }
}

/** A value for an input: `--set 4.seed=7`, `--set PEZInvert.length=4`, `--set "Load the picture.image=a.png"`. */
export interface Assignment {
  /** Id, title or class of the node. */
  readonly node: string;
  readonly input: string;
  /** As it was typed. */
  readonly value: string;
}

/** Takes `node.input=value` apart. Throws OPTION_INVALID. */
export function parseAssignment(text: string): Assignment {
  const [, node, input, value] = /^(.+?)\.([^.=]+)=([\s\S]*)$/.exec(text) ?? [];
  if (node === undefined) throw invalid('--set', 'node.input=value, such as PEZInvert.length=4', text);
  return { node, input, value };
}

/** The graph with the values set. Throws OPTION_INVALID if a node or an input is not there. */
export function assign(graph: ApiGraph, assignments: readonly Assignment[], registry: Registry): ApiGraph {
  const copy = structuredClone(graph);
  for (const { node, input, value } of assignments) {
    const id = findNode(copy, node);
    const { class_type, inputs, _meta } = copy[id];
    // An unknown class is reported by the validation.
    const declared = registry.get(class_type)?.definition.inputs;
    if (declared && !Object.hasOwn(declared, input))
      throw new InputError(
        'OPTION_INVALID',
        `Node ${id} (${_meta?.title ?? class_type}) has no input "${input}". It has: ${Object.keys(declared).join(', ')}.`,
      );
    inputs[input] = readValue(value, declared?.[input].type);
  }
  return copy;
}

/** The value of text that is JSON, otherwise the text itself. Text inputs take everything but a link as it stands (true, 007). */
function readValue(text: string, type: string | undefined): unknown {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return text;
  }
  return (type === 'STRING' || type === 'COMBO') && !Array.isArray(value) ? text : value;
}

/** Id of the node with this id, title or class. Throws OPTION_INVALID if there is none, or more than one. */
function findNode(graph: ApiGraph, name: string): string {
  if (Object.hasOwn(graph, name)) return name;
  const isMeant = (node: ApiNode) => node._meta?.title === name || node.class_type === name;
  const ids = Object.keys(graph).filter((id) => isMeant(graph[id]));
  if (ids.length === 1) return ids[0];
  const list = Object.entries(graph).map(([id, n]) => `${id} (${n._meta?.title ?? n.class_type})`);
  throw new InputError(
    'OPTION_INVALID',
    ids.length
      ? `"${name}" stands for ${ids.length} nodes (${ids.join(', ')}): give an id.`
      : `The graph has no node "${name}". It has: ${list.join(', ')}.`,
  );
}

/** A picture for a Load Image node: `cat.png` for the only one, `3=cat.png`, `Load Image=cat.png`. */
export interface PictureArgument {
  readonly node: string;
  readonly file: string;
}

/** Takes `[node=]file` apart. Throws OPTION_INVALID if the node or the file is not there. */
export function parsePicture(text: string, graph: ApiGraph): PictureArgument {
  const cut = existsSync(text) ? -1 : text.indexOf('=');
  const file = text.slice(cut + 1);
  if (!existsSync(file) || !statSync(file).isFile())
    throw new InputError('OPTION_INVALID', `--image: there is no file "${file}".`);
  if (cut >= 0) return { node: findNode(graph, text.slice(0, cut)), file };
  const loaders = Object.keys(graph).filter((id) => graph[id].class_type === 'LoadImage');
  if (loaders.length === 1) return { node: loaders[0], file };
  if (loaders.length === 0)
    throw new InputError('OPTION_INVALID', '--image: there is no Load Image node in this graph.');
  throw new InputError(
    'OPTION_INVALID',
    `The graph has ${loaders.length} Load Image nodes (${loaders.join(', ')}): say which, as --image ${loaders[0]}=${file}.`,
  );
}

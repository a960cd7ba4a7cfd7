// What nodes have shown → outputs of a job: files, and texts, each an asset whose id names its place in the job (protocol: Outputs of API v2).
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import type { V2Output } from '../../../../schemas/api-v2.ts';
import type { UiOutput } from '../../../../schemas/events.ts';
import { isRecord } from '../../../../schemas/record.ts';
import { type DataFolders, isFolderType } from '../../../files/data-folders.ts';
import { resolveInside, safeParts } from '../../../files/safe-path.ts';
import { stringifyJson } from '../../../json.ts';
import { contentTypeOf } from '../../responses.ts';

type NodeOutputs = Readonly<Record<string, UiOutput>>;

/** Which item of which list a node has shown; or what else is in the list. */
export interface OutputPlace {
  readonly promptId: string;
  readonly nodeId: string;
  readonly key: string;
  readonly index: number;
}

interface FileItem {
  readonly filename: string;
  readonly subfolder: string;
  readonly folder: string;
}

/** One thing that a node has shown: a file of the data folders, or a text that stands in the job itself. */
export interface OutputItem {
  readonly place: OutputPlace;
  readonly name: string;
  readonly contentType: string;
  readonly content: { readonly file: FileItem } | { readonly text: string };
}

/** Says how pictures are shown; it is nothing to look at itself. */
const NO_OUTPUT = ['animated'];

/** The index of what a list holds beside files and texts, all of it together: figures of a plot are no outputs one by one. */
const DATA = -1;

/** Everything that nodes have shown, in their order. */
export function outputItems(promptId: string, outputs: NodeOutputs): OutputItem[] {
  return Object.entries(outputs).flatMap(([nodeId, lists]) =>
    Object.entries(lists).flatMap(([key, items]) => {
      const indices = Array.isArray(items) ? [...items.keys(), DATA] : [];
      return indices.flatMap((index) => itemOf({ promptId, nodeId, key, index }, items) ?? []);
    }),
  );
}

/** One of them. */
export function outputItemAt(outputs: NodeOutputs, place: OutputPlace): OutputItem | undefined {
  const { nodeId, key } = place;
  if (!Object.hasOwn(outputs, nodeId) || !Object.hasOwn(outputs[nodeId], key)) return undefined;
  const items = outputs[nodeId][key];
  return Array.isArray(items) ? itemOf(place, items) : undefined;
}

const isFile = (item: unknown): item is Record<string, unknown> & { readonly filename: string } =>
  isRecord(item) && typeof item.filename === 'string';

function itemOf(place: OutputPlace, items: readonly unknown[]): OutputItem | undefined {
  if (NO_OUTPUT.includes(place.key)) return undefined;
  if (place.index === DATA) return dataOf(place, items);
  const item = items[place.index];
  if (typeof item === 'string') {
    const name = `${plainName(place)}_${place.index + 1}.txt`;
    return { place, name, contentType: 'text/plain; charset=utf-8', content: { text: item } };
  }
  if (!isFile(item)) return undefined;
  const { filename, subfolder, type } = item;
  const file = {
    filename,
    subfolder: typeof subfolder === 'string' ? subfolder : '',
    folder: typeof type === 'string' ? type : 'output',
  };
  return { place, name: filename, contentType: contentTypeOf(filename), content: { file } };
}

function dataOf(place: OutputPlace, items: readonly unknown[]): OutputItem | undefined {
  const data = items.filter((item) => typeof item !== 'string' && !isFile(item));
  if (data.length === 0) return undefined;
  const content = { text: stringifyJson(data) };
  return { place, name: `${plainName(place)}.json`, contentType: 'application/json', content };
}

const plainName = ({ nodeId, key }: OutputPlace): string => `${nodeId}_${key}`.replace(/[^\w.-]+/g, '_');

const PREFIX = 'asset_out_';

/** The id of an output: it names the place, so it needs no table and is the same after a restart. */
export const outputIdOf = ({ promptId, nodeId, key, index }: OutputPlace): string =>
  PREFIX + Buffer.from(JSON.stringify([promptId, nodeId, key, index])).toString('base64url');

/** The place that an id names; undefined if it is no id of an output. Whether something is there is for the job to say. */
export function placeOf(id: string): OutputPlace | undefined {
  if (!id.startsWith(PREFIX)) return undefined;
  try {
    const parts: unknown = JSON.parse(Buffer.from(id.slice(PREFIX.length), 'base64url').toString());
    if (!Array.isArray(parts) || parts.length !== 4) return undefined;
    const [promptId, nodeId, key, index] = parts as unknown[];
    if (![promptId, nodeId, key].every((part) => typeof part === 'string') || !Number.isInteger(index))
      return undefined;
    return { promptId, nodeId, key, index } as OutputPlace;
  } catch {
    return undefined;
  }
}

/** Path and size of an output's file; undefined if it is not there, or not in the data folders. */
export async function locateFile(
  { filename, subfolder, folder }: FileItem,
  folders: DataFolders,
): Promise<{ readonly path: string; readonly sizeBytes: number } | undefined> {
  try {
    if (!isFolderType(folder)) return undefined;
    const path = await resolveInside(folders[folder], [...safeParts(subfolder), ...safeParts(filename)].join('/'));
    const entry = await stat(path);
    return entry.isFile() ? { path, sizeBytes: entry.size } : undefined;
  } catch {
    return undefined;
  }
}

/** What a loader takes for an output's file: `sub/x.png [output]`. */
export const annotatedName = ({ filename, subfolder, folder }: FileItem): string =>
  `${subfolder === '' ? '' : `${subfolder}/`}${filename}${folder === 'input' ? '' : ` [${folder}]`}`;

const KINDS: readonly (readonly [RegExp, V2Output['type']])[] = [
  [/^image\//, 'image'],
  [/^video\//, 'video'],
  [/^audio\//, 'audio'],
  [/^text\//, 'text'],
];

/** By the file's type first: videos are often listed among pictures. */
export function kindOf({ name, contentType, place: { key } }: OutputItem): V2Output['type'] {
  if (key === 'latents' || extname(name) === '.latent') return 'latent';
  return KINDS.find(([pattern]) => pattern.test(contentType))?.[1] ?? 'file';
}

/** The output as API v2 shows it. A file that is gone has no bytes. */
export async function outputView(
  item: OutputItem,
  { folders, urlOf, expires }: { folders: DataFolders; urlOf: (assetId: string) => string; expires: string },
): Promise<V2Output> {
  const { place, name, contentType, content } = item;
  const id = outputIdOf(place);
  const size =
    'text' in content ? Buffer.byteLength(content.text) : (await locateFile(content.file, folders))?.sizeBytes;
  return {
    node_id: place.nodeId,
    name,
    type: kindOf(item),
    content_type: contentType,
    size_bytes: size ?? 0,
    id,
    hash: null,
    url: urlOf(id),
    url_expires_at: expires,
    job_id: place.promptId,
  };
}

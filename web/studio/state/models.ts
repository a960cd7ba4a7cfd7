// The models that the server offers, with sizes, and where more of them go.
import type { ObjectInfo } from '../graph/slots.ts';
import { getJson } from '../protocol/api.ts';

export interface OfferedModel {
  readonly name: string;
  /** Bytes, if the server says. */
  readonly size: number | undefined;
}

export interface Models {
  readonly clips: readonly OfferedModel[];
  readonly checkpoints: readonly OfferedModel[];
  /** Folders that they are read from, by kind. */
  readonly folders: Readonly<Record<string, readonly string[]>>;
}

export const noModels: Models = { clips: [], checkpoints: [], folders: {} };

type Sized = readonly { readonly name: string; readonly size: number }[];

const choicesOf = (info: ObjectInfo, node: string, input: string): string[] => {
  const [type, options] = info[node]?.input.required[input] ?? [[]];
  return (Array.isArray(type) ? type : ((options?.options as string[] | undefined) ?? [])).map(String);
};

/** What the loaders list is what can be used; sizes and folders are nice to have. */
export async function loadModels(info: ObjectInfo): Promise<Models> {
  const [clips, checkpoints, folders] = await Promise.all([
    getJson<Sized>('/experiment/models/clip').catch((): Sized => []),
    getJson<Sized>('/experiment/models/checkpoints').catch((): Sized => []),
    getJson<Record<string, string[]>>('/internal/folder_paths').catch(() => ({})),
  ]);
  const sized = (names: readonly string[], list: Sized): OfferedModel[] =>
    names.map((name) => ({ name, size: list.find((file) => file.name === name)?.size }));
  return {
    clips: sized(choicesOf(info, 'CLIPLoader', 'clip_name'), clips),
    checkpoints: sized(choicesOf(info, 'CheckpointLoaderSimple', 'ckpt_name'), checkpoints),
    folders,
  };
}

/** 23259523 → `23 MB`. */
export function sizeInWords(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

// `pez-nodes models list`: the models on this machine: bundled, downloaded, and those in model folders with what is in them.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { modelKindOf } from '../engine/architectures/model-kind.ts';
import { listBundledCheckpoints } from '../engine/diffusion/layout.ts';
import { bundledRoot, listBundled } from '../engine/hub/bundled.ts';
import { defaultCacheDir, listCached } from '../engine/hub/cache.ts';
import type { ModelKind, OfferedModels } from '../nodes/node-context.ts';
import type { FileKind } from '../server/files/file-kinds.ts';
import { type FolderOptions, modelsInFolders } from './model-folders.ts';

interface ListedModel {
  readonly name: string;
  /** `bundled`, `downloaded`, or of those in model folders what loaders take them for. */
  readonly kind: 'bundled' | 'downloaded' | ModelKind;
  readonly dir: string;
  readonly bytes: number;
  /** What is in a file: `SD XL`. */
  readonly label?: string;
  readonly supported?: boolean;
}

const KINDS: readonly ModelKind[] = ['checkpoint', 'unet', 'lora', 'vae', 'clip', 'clip_vision'];

/** Prints them, a line each or as one JSON object. Throws OPTION_INVALID for folders that are not there. */
export async function runList({ json, ...folders }: { json?: boolean } & FolderOptions): Promise<void> {
  const models = [...ownModels(), ...modelsOf(await modelsInFolders(folders))];
  if (json) {
    process.stdout.write(`${JSON.stringify({ cache: defaultCacheDir(), models })}\n`);
    return;
  }
  const widest = (texts: readonly string[]) => Math.max(0, ...texts.map((text) => text.length));
  const [width, labelWidth] = [widest(models.map(({ name }) => name)), widest(models.map(labelOf))];
  for (const model of models) {
    const size = `${(model.bytes / 1e6).toFixed(1)} MB`;
    const label = labelWidth > 0 ? `  ${labelOf(model).padEnd(labelWidth)}` : '';
    process.stdout.write(
      `${model.name.padEnd(width)}  ${model.kind.padEnd(11)}${label}  ${size.padStart(10)}  ${model.dir}\n`,
    );
  }
  process.stderr.write(`downloads go to ${defaultCacheDir()}\n`);
}

const labelOf = ({ label = '', supported = true }: ListedModel): string =>
  supported ? label : `not supported: ${label}`;

function ownModels(): ListedModel[] {
  const bundled = [...listBundled(), ...listBundledCheckpoints()].map((name) => ({
    name,
    kind: 'bundled' as const,
    dir: join(bundledRoot(), name),
  }));
  const downloaded = listCached().map(({ name, dir }) => ({ name, kind: 'downloaded' as const, dir }));
  return [...bundled, ...downloaded].map((model) => ({ ...model, bytes: sizeOf(model.dir) }));
}

function modelsOf(offered: OfferedModels | undefined): ListedModel[] {
  const models: ListedModel[] = [];
  for (const kind of offered ? KINDS : [])
    for (const name of offered!.names(kind)) {
      const dir = offered!.locate(kind, name)!;
      models.push({ name, kind, dir, bytes: sizeOf(dir), ...whatIsIn(dir) });
    }
  return models;
}

function whatIsIn(path: string): Partial<Pick<FileKind, 'label' | 'supported'>> {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return {};
  try {
    const { label, supported } = modelKindOf(path);
    return { label, supported };
  } catch (error) {
    return { label: (error as Error).message, supported: false };
  }
}

/** Bytes of a file, or of the files in a folder. */
function sizeOf(path: string): number {
  const info = statSync(path, { throwIfNoEntry: false }); // a download may just have ended
  if (!info?.isDirectory()) return info?.size ?? 0;
  const entries = readdirSync(path, { recursive: true, encoding: 'utf8' });
  return entries.reduce((sum, name) => {
    const entry = statSync(join(path, name), { throwIfNoEntry: false });
    return entry?.isFile() ? sum + entry.size : sum;
  }, 0);
}

// A graph and the .safetensors files that its weights lie in → the path of an .onnx file that onnxruntime can open. The graph takes some
// hundred kB; the weights are never copied: a hard link of each file stands beside the graph.
import { createHash } from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { defaultCacheDir } from '../hub/cache.ts';
import { setExternalFiles } from '../onnx/external-files.ts';
import { fileIdentity } from '../onnx/file-identity.ts';
import { setModelName } from '../onnx/model-names.ts';
import { writeModel } from '../onnx/write.ts';
import type { WeightGraph } from './graph-builder.ts';

export interface PlaceOptions {
  /** The file's name without `.onnx`, for people who look and for messages: `unet`, `text_encoder`. */
  readonly name: string;
  /** Our cache; default `$HF_HOME/pez-nodes`. */
  readonly cacheDir?: string;
}

/** Below the cache, or hidden beside the weights. */
const FOLDER = '.graphs';

/**
 * Writes the graph into the cache or, if that lies on another device than the weights, into a hidden folder beside them. Where neither
 * can hold a hard link, sessions get the weights from memory. The same graph over the same files is written once. Throws MODEL_NOT_FOUND.
 */
export function placeGraph(graph: WeightGraph, options: PlaceOptions): string {
  const path = findPlace(graph, options);
  setModelName(path, graph.model.source);
  return path;
}

function findPlace(graph: WeightGraph, { name, cacheDir = defaultCacheDir() }: PlaceOptions): string {
  const paths = [...new Set([...graph.weights.values()].map(({ path }) => path))];
  const bytes = encode(graph, paths);
  const key = createHash('sha256').update(bytes).update(paths.map(identity).join('\n')).digest('hex').slice(0, 32);
  const roots = [join(cacheDir, FOLDER), ...(paths.length ? [join(dirname(paths[0]), FOLDER)] : [])];
  for (const root of roots) {
    const placed = place({ root, key, name, bytes, paths });
    if (placed) return placed;
  }
  return placeWithoutLinks({ root: roots[0], key, name, bytes, paths });
}

/** Content and place: a link must lead to the file that is there now, also if an equal one was replaced. */
const identity = (path: string): string => `${fileIdentity(path)} ${statSync(path).ino}`;

const linkName = (i: number): string => `weights-${i}.safetensors`;

function encode({ model, weights }: WeightGraph, paths: readonly string[]): Uint8Array {
  const external = [...weights].map(
    ([name, { path, type, dims, offset, length }]) =>
      [name, { type, dims, offset, length, location: linkName(paths.indexOf(path)) }] as const,
  );
  return writeModel(model, new Map(external));
}

interface Placement {
  readonly root: string;
  readonly key: string;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly paths: readonly string[];
}

/** The .onnx file under `root`; undefined if it can't be written there or can't be linked from there. */
function place({ root, key, name, bytes, paths }: Placement): string | undefined {
  const folder = join(root, key);
  const graphPath = join(folder, `${name}.onnx`);
  if (existsSync(graphPath)) return graphPath;
  let scratch: string | undefined;
  try {
    mkdirSync(root, { recursive: true });
    sweep(root);
    scratch = mkdtempSync(join(root, 'new-'));
    // The hub's own cache keeps models as symbolic links, which onnxruntime refuses.
    for (const [i, path] of paths.entries()) linkSync(realpathSync(path), join(scratch, linkName(i)));
    writeFileSync(join(scratch, `${name}.onnx`), bytes);
    renameSync(scratch, folder);
    return graphPath;
  } catch {
    if (scratch) rmSync(scratch, { recursive: true, force: true });
    return existsSync(graphPath) ? graphPath : undefined; // another process may have been faster
  }
}

/** Where no hard link is possible (a read-only disk of its own): the graph in the cache, and its weights read into memory. */
function placeWithoutLinks({ root, key, name, bytes, paths }: Placement): string {
  const folder = join(root, `${key}-memory`);
  mkdirSync(folder, { recursive: true });
  const graphPath = join(folder, `${name}.onnx`);
  if (!existsSync(graphPath) || !readFileSync(graphPath).equals(bytes)) writeFileSync(graphPath, bytes);
  setExternalFiles(graphPath, new Map(paths.map((path, i) => [linkName(i), path])));
  return graphPath;
}

/** Drops graphs whose weights the user deleted or replaced: only links of ours keep them on the disk. */
function sweep(root: string): void {
  let links: ReturnType<typeof linksIn>;
  try {
    links = readdirSync(root).flatMap((key) => linksIn(join(root, key)));
  } catch {
    return; // another process is sweeping, too
  }
  const ours = new Map<number, number>();
  for (const { ino } of links) ours.set(ino, (ours.get(ino) ?? 0) + 1);
  for (const { folder, ino, nlink } of links)
    if (nlink <= ours.get(ino)!) rmSync(folder, { recursive: true, force: true });
}

const linksIn = (folder: string) =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.safetensors'))
    .map((file) => ({ folder, ...pick(statSync(join(folder, file))) }));

const pick = ({ ino, nlink }: Stats) => ({ ino, nlink });

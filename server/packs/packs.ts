// Folders with a manifest.json → packs: ours, then those given by --packs. A pack that fails is reported and never fatal.
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { packageRoot } from '../../engine/package-root.ts';
import type { NodeDefinition } from '../../nodes/define-node.ts';
import { nodes } from '../../nodes/index.ts';
import { type Manifest, manifest as manifestSchema } from '../../schemas/manifest.ts';
import { definitionsOf } from './definition.ts';
import type { RegisteredNode, Registry } from './registry.ts';

export interface Pack {
  /** The folder's name, as used in URLs (`/extensions/<name>/…`); for ours the package's name. */
  readonly name: string;
  /** object_info's `python_module`: `nodes` for ours, `custom_nodes.<folder>`. */
  readonly module: string;
  /** Real path of the folder. */
  readonly dir: string;
  readonly nodes: readonly NodeDefinition[];
  readonly manifest?: Manifest;
  readonly webDir?: string;
  /** Those that are there, in the order in which graphs are looked for. */
  readonly templateDirs?: readonly string[];
  readonly docsDir?: string;
  readonly localesDir?: string;
  readonly subgraphsDir?: string;
  /** Why the pack was not loaded; it then has no nodes and no folders. */
  readonly error?: string;
}

interface PackOptions {
  /** Folders of packs, or packs themselves. */
  readonly packDirs: readonly string[];
  /** How long a module may take to load. */
  readonly importTimeoutMs?: number;
}

const IMPORT_TIMEOUT_MS = 30_000;
const MAX_MANIFEST_BYTES = 2 ** 20;
/** Where packs keep their example graphs (protocol: Packs and templates), ours first, then ComfyUI's. */
const TEMPLATE_FOLDERS = ['templates', 'example_workflows', 'example', 'examples', 'workflow', 'workflows'];

function readManifest(dir: string): Manifest {
  const path = join(dir, 'manifest.json');
  const { size } = statSync(path);
  if (size > MAX_MANIFEST_BYTES) throw new Error(`manifest.json has ${size} bytes, more than ${MAX_MANIFEST_BYTES}`);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`manifest.json is not JSON: ${(error as Error).message}`);
  }
  const result = manifestSchema.safeParse(value);
  if (result.success) return result.data;
  const lines = z.prettifyError(result.error).split('\n');
  throw new Error(`manifest.json: ${lines.map((line) => line.trim()).join(' ')}`);
}

/** Real path of what the manifest names. Throws if it does not exist, is of another kind or lies outside the pack. */
function inside(dir: string, name: string, kind: 'file' | 'folder'): string {
  const path = resolve(dir, name);
  if (!existsSync(path)) throw new Error(`there is no ${kind} ${name}`);
  const real = realpathSync(path);
  if (!real.startsWith(dir + sep)) throw new Error(`${name} leads out of the pack's folder`);
  if (statSync(real).isDirectory() !== (kind === 'folder')) throw new Error(`${name} is not a ${kind}`);
  return real;
}

function foldersOf(dir: string, { web, docs }: Manifest): Partial<Pack> {
  const first = (...names: readonly string[]): string | undefined => {
    const name = names.find((n) => existsSync(join(dir, n)) && statSync(join(dir, n)).isDirectory());
    return name === undefined ? undefined : inside(dir, name, 'folder');
  };
  return {
    webDir: web === undefined ? undefined : inside(dir, web, 'folder'),
    docsDir: docs === undefined ? first('docs') : inside(dir, docs, 'folder'),
    templateDirs: TEMPLATE_FOLDERS.flatMap((name) => first(name) ?? []),
    localesDir: first('locales'),
    subgraphsDir: first('subgraphs'),
  };
}

async function withTimeout<T>(work: Promise<T>, what: string, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} did not finish loading within ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function importNodes(dir: string, name: string, timeoutMs: number): Promise<NodeDefinition[]> {
  const path = inside(dir, name, 'file');
  if (!/\.m?js$/.test(path)) throw new Error(`${name} is not a .js or .mjs file`);
  const load = async () => {
    let exported: Record<string, unknown>;
    try {
      exported = await import(pathToFileURL(path).href);
    } catch (error) {
      throw new Error(`${name} failed to load: ${error instanceof Error ? error.message : error}`);
    }
    return definitionsOf(name, exported);
  };
  return withTimeout(load(), name, timeoutMs);
}

/** Throws if a class name is taken. */
function checkNames(own: readonly NodeDefinition[], others: readonly Pack[]): void {
  const taken = new Map(others.flatMap((pack) => pack.nodes.map((node) => [node.type, pack] as const)));
  const seen = new Set<string>();
  for (const { type } of own) {
    const owner = taken.get(type);
    if (owner?.module === 'nodes') throw new Error(`${type} is the name of a built-in node: choose another name`);
    if (owner) throw new Error(`the pack ${owner.name} already has a node ${type}`);
    if (seen.has(type)) throw new Error(`the node ${type} is defined twice`);
    seen.add(type);
  }
}

const modulesOf = ({ nodes }: Manifest): Set<string> =>
  new Set(nodes.map((entry) => (typeof entry === 'string' ? entry : entry.file)));

/** Throws if the manifest names a class that its module does not export. */
function checkDeclared(own: readonly NodeDefinition[], { nodes }: Manifest): void {
  for (const entry of nodes) {
    if (typeof entry === 'string' || own.some(({ type }) => type === entry.type)) continue;
    throw new Error(`manifest.json names the node ${entry.type}, which ${entry.file} does not export`);
  }
}

async function loadPack(dir: string, loaded: readonly Pack[], timeoutMs: number): Promise<Pack> {
  const name = basename(resolve(dir));
  const pack = { name, module: `custom_nodes.${name}`, dir: resolve(dir), nodes: [] };
  try {
    const same = loaded.find((other) => other.name === name);
    if (same) throw new Error(`a pack of this name was already loaded from ${same.dir}`);
    const real = realpathSync(dir);
    const manifest = readManifest(real);
    const folders = foldersOf(real, manifest);
    const own: NodeDefinition[] = [];
    for (const module of modulesOf(manifest)) own.push(...(await importNodes(real, module, timeoutMs)));
    checkNames(own, loaded);
    checkDeclared(own, manifest);
    return { ...pack, dir: real, manifest, nodes: own, ...folders };
  } catch (error) {
    return { ...pack, error: error instanceof Error ? error.message : String(error) };
  }
}

/** Folders with a manifest.json: `dir` itself, or else its sub-folders in the order of their names. */
function packFolders(dir: string): string[] {
  if (existsSync(join(dir, 'manifest.json'))) return [dir];
  return readdirSync(dir)
    .filter((name) => !name.startsWith('.') && !name.endsWith('.disabled') && name !== 'node_modules')
    .filter((name) => existsSync(join(dir, name, 'manifest.json')))
    .sort()
    .map((name) => join(dir, name));
}

/**
 * Loads our pack, then the others in order; those that failed have an `error` and no nodes.
 * Modules of packs are imported into this process: a pack is trusted code.
 */
export async function loadPacks({ packDirs, importTimeoutMs = IMPORT_TIMEOUT_MS }: PackOptions): Promise<Pack[]> {
  const root = realpathSync(packageRoot());
  const manifest = readManifest(root);
  const packs: Pack[] = [
    { name: manifest.name, module: 'nodes', dir: root, manifest, nodes, ...foldersOf(root, manifest) },
  ];
  for (const packDir of packDirs) {
    try {
      for (const dir of packFolders(packDir)) packs.push(await loadPack(dir, packs, importTimeoutMs));
    } catch (error) {
      const dir = resolve(packDir);
      const name = relative(process.cwd(), dir) || dir;
      const reason = `the folder of packs can't be read: ${(error as Error).message}`;
      packs.push({ name, module: 'custom_nodes', dir, nodes: [], error: reason });
    }
  }
  return packs;
}

/** Every node of the packs that loaded, by class name. */
export function createRegistry(packs: readonly Pack[]): Registry {
  const registry = new Map<string, RegisteredNode>();
  for (const { nodes, module } of packs) {
    for (const definition of nodes) registry.set(definition.type, { definition, module });
  }
  return registry;
}

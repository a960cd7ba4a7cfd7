// ComfyUI's extra_model_paths.yaml → folders of one kind each. Sections have any name; `base_path` goes before their relative paths.
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { isMap, isNode, isScalar, LineCounter, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { InputError } from '../../engine/errors.ts';
import type { ExtraFolder } from '../model-places.ts';

/** Nobody writes a longer one. */
const MAX_BYTES = 2 ** 20;

/** Keys of a section that are no kind of models. */
const BASE_PATH = 'base_path';
const IS_DEFAULT = 'is_default';
const NO_MODELS = ['custom_nodes', 'download_model_base'];

/**
 * The folders of such a file, in its order, whether they exist or not; `[]` if there is no file. Variables ($HOME, ${HOME}) and `~` in
 * `base_path` are filled in, relative paths start at the file. Throws OPTION_INVALID with the line of the mistake.
 */
export function readExtraModelPaths(path: string): ExtraFolder[] {
  const text = readText(path);
  if (text === undefined) return [];
  const lines = new LineCounter();
  // Python's reader follows YAML 1.1, where `yes` is a boolean, and lets the last of two equal keys win.
  const document = parseDocument(text, { version: '1.1', uniqueKeys: false, prettyErrors: false, lineCounter: lines });
  const place: Place = {
    dir: dirname(resolve(path)),
    refuse: (why, offset) => {
      const at = offset === undefined ? '' : `, line ${lines.linePos(offset).line}`;
      return new InputError('OPTION_INVALID', `--comfyui: ${path}${at}: ${why}.`);
    },
  };
  const [error] = document.errors;
  if (error) throw place.refuse(error.message.split('\n')[0].replace(/\.$/, ''), error.pos[0]);
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return [];
  if (!isMap(contents)) throw place.refuse('sections are expected, each with a name and a colon', contents.range?.[0]);
  return contents.items.flatMap((pair) => readSection(pair as Pair, place));
}

interface Place {
  /** The folder of the file. */
  readonly dir: string;
  readonly refuse: (why: string, offset: number | undefined) => InputError;
}

function readText(path: string): string | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new InputError('OPTION_INVALID', `--comfyui: ${path} can't be read (${code}).`, { cause: error });
  }
  if (bytes.length <= MAX_BYTES) return bytes.toString('utf8').replace(/^\uFEFF/, '');
  throw new InputError(
    'OPTION_INVALID',
    `--comfyui: ${path} has more than ${MAX_BYTES} bytes; it should be a list of folders.`,
  );
}

const offsetOf = (node: unknown): number | undefined => (isNode(node) ? node.range?.[0] : undefined);
const textOf = (key: unknown): string => String(isScalar(key) ? key.value : key);

function readSection({ key, value }: Pair, place: Place): ExtraFolder[] {
  if (value === null || (isScalar(value) && value.value === null)) return [];
  if (!isMap(value))
    throw place.refuse(`the section ${textOf(key)} should hold lines such as "checkpoints: folder"`, offsetOf(key));
  const entries = new Map((value as YAMLMap).items.map((pair) => [textOf(pair.key), pair]));
  const isDefault = readFlag(entries.get(IS_DEFAULT), place);
  const base = entries.has(BASE_PATH) ? expand(readPath(entries.get(BASE_PATH)!, place)) : '';
  const root = resolve(place.dir, base);
  return [...entries]
    .filter(([kind]) => ![BASE_PATH, IS_DEFAULT, ...NO_MODELS].includes(kind))
    .flatMap(([kind, pair]) =>
      readPath(pair, place)
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '')
        .map((line) => ({ kind, dir: resolve(root, line), isDefault })),
    );
}

function readPath({ key, value }: Pair, place: Place): string {
  const content = isScalar(value) ? value.value : value;
  if (typeof content === 'string') return content;
  const what = textOf(key) === BASE_PATH ? 'a folder' : 'a folder, or after "|" several, one a line';
  throw place.refuse(`${textOf(key)} should be ${what}`, offsetOf(key));
}

function readFlag(pair: Pair | undefined, place: Place): boolean {
  if (!pair) return false;
  const { value } = pair;
  if (isScalar(value) && typeof value.value === 'boolean') return value.value;
  throw place.refuse(`${IS_DEFAULT} should be true or false`, offsetOf(pair.key));
}

/** `~/models`, `$HOME/models`, `${HOME}/models`, on Windows also `%USERPROFILE%\models`; variables that are not set stay as they are. */
function expand(path: string): string {
  const home = /^~(?=$|[/\\])/.test(path) ? join(homedir(), path.slice(1)) : path;
  const filled = home.replace(
    /\$(?:(\w+)|\{([^}]*)\})/g,
    (all, a?: string, b?: string) => process.env[a ?? b ?? ''] ?? all,
  );
  return process.platform === 'win32'
    ? filled.replace(/%(\w+)%/g, (all, name: string) => process.env[name] ?? all)
    : filled;
}

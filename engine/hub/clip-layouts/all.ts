// The layouts of CLIPs in ONNX that are known, in the order in which a folder and the hub are searched for them.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dtypes } from '../variant.ts';
import { immich } from './immich.ts';
import type { ClipLayout } from './layout.ts';
import { transformersJs } from './transformers-js.ts';

export const clipLayouts: readonly ClipLayout[] = [transformersJs, immich];

/** The layout whose text tower a folder has, in any precision; undefined if it has none. */
export const layoutOf = (dir: string): ClipLayout | undefined =>
  clipLayouts.find(({ towerFile }) => dtypes.some((dtype) => existsSync(join(dir, towerFile('text', dtype)))));

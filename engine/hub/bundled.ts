// The models that come with the package: models/<name>/ at its root, found from the sources and from dist/ alike.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageFile } from '../package-root.ts';

/** Folder of the bundled models. */
export const bundledRoot = (): string => packageFile('models');

/** Names of the bundled CLIPs, sorted. */
export const listBundled = (): string[] => bundledWith('tokenizer.json', 'onnx');

/** Names of the bundled models that have these files or folders, sorted. */
export function bundledWith(...paths: string[]): string[] {
  const root = bundledRoot();
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .filter((name) => paths.every((path) => existsSync(join(root, name, path))))
    .sort();
}

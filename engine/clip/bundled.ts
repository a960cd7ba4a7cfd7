// The models that come with the package: models/<name>/ at its root, found from the sources and from dist/ alike.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the bundled models. */
export function bundledRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, 'package.json'))) {
    const parent = dirname(dir);
    if (parent === dir) break;
    dir = parent;
  }
  return join(dir, 'models');
}

/** Names of the bundled CLIPs, sorted. */
export function listBundled(): string[] {
  const root = bundledRoot();
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .filter((name) => existsSync(join(root, name, 'tokenizer.json')) && existsSync(join(root, name, 'onnx')))
    .sort();
}

// The folder of this package (manifest.json, templates/, models/): found from the sources and from dist/ alike.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the package's root. Throws where there is none: the installation is incomplete then. */
export function packageRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, 'package.json'))) {
    const parent = dirname(dir);
    if (parent === dir) throw new Error('no package.json above the server: the installation is incomplete');
    dir = parent;
  }
  return dir;
}

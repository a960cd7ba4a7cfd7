// → the folder of this package (package.json, manifest.json, models/, templates/), found from the sources and from dist/ alike.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the package's root. Throws if no folder above this file has a package.json. */
export function packageRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, 'package.json'))) {
    const parent = dirname(dir);
    if (parent === dir) throw new Error('No package.json above the engine: the installation is incomplete.');
    dir = parent;
  }
  return dir;
}

/** Path of a file that comes with the package: `packageFile('examples', 'tiger.png')`. */
export const packageFile = (...names: readonly string[]): string => join(packageRoot(), ...names);

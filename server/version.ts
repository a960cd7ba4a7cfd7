// What this server is: our version, and the level of ComfyUI's protocol that it speaks.
import { readFileSync } from 'node:fs';
import { packageFile } from '../engine/package-root.ts';

/** The ComfyUI whose HTTP and socket protocol this server follows; front ends read it as `comfyui_version`. */
export const PROTOCOL_VERSION = '0.24.0';

interface PackageJson {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** Version of this package, and of the onnxruntime that it was built for. */
export function versions(): { readonly own: string; readonly onnxruntime: string } {
  const { version, dependencies } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as PackageJson;
  return { own: version, onnxruntime: dependencies['onnxruntime-node'] };
}

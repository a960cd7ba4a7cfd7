// A script of this package → how node runs it: from sources through tsx, from dist with this process's own flags.
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** `script`: URL of the source, as seen from its caller (`new URL('./x.ts', import.meta.url)`); in dist it is the `.js` there. */
export function scriptCommand(script: URL): { readonly path: string; readonly execArgv: string[] } {
  const fromSource = import.meta.url.endsWith('.ts');
  const path = fileURLToPath(fromSource ? script : script.href.replace(/\.ts$/, '.js'));
  if (!fromSource) return { path, execArgv: process.execArgv.filter((arg) => !arg.startsWith('--inspect')) };
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return { path, execArgv: ['--import', tsx] };
}

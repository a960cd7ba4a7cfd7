// Runs the command as a user does: built, in a process of its own, with pipes.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');
export const fixtures = join(root, 'test/fixtures/clip');
/** A CLIP of random weights that the search can run on. */
export const standin = join(fixtures, 'standin');
export const picture = join(fixtures, 'picture-90x61.png');

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** In a process group of its own, to be signalled as a terminal does. */
  detached?: boolean;
  /** Sees stderr as it grows. */
  onStderr?: (soFar: string, child: ChildProcess) => void;
  onStart?: (child: ChildProcess) => void;
}

let built: string | undefined;

/** What `npm run build` made, if it is newer than every source. */
function freshBuild(): string | undefined {
  const main = join(root, 'dist/cli/main.js');
  const made = statSync(main, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = ['cli', 'engine', 'nodes', 'schemas', 'server'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(root, folder, file)),
  );
  return sources.every((file) => statSync(file).mtimeMs < made) ? main : undefined;
}

/** Builds the sources once for each test file; type errors are the type check's business. */
function build(): string {
  const fresh = freshBuild();
  if (fresh !== undefined) return fresh;
  const folder = join(root, 'out', `cli-test-${process.env.JEST_WORKER_ID ?? 0}`);
  rmSync(folder, { recursive: true, force: true });
  const args = ['-p', join(root, 'tsconfig.build.json'), '--outDir', folder, '--declaration', 'false'];
  spawnSync(join(root, 'node_modules/.bin/tsc'), args, { cwd: root, shell: process.platform === 'win32' });
  return join(folder, 'cli/main.js');
}

/** Starts `pez-nodes` and waits for its end. */
export function runCli(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const env = { ...process.env, HF_HUB_OFFLINE: '1', NO_COLOR: '1', ...options.env };
  built ??= build();
  const child = spawn(process.execPath, [built, ...args], {
    cwd: options.cwd ?? root,
    detached: options.detached,
    env,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
    options.onStderr?.(stderr, child);
  });
  options.onStart?.(child);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

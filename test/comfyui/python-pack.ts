// The pack in a Python process, as ComfyUI would have it (harness.py): commands in, answers and what the nodes tell the front end out.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stringifyJson } from '../../server/json.ts';

/** What a node tells the front end. */
export interface Told {
  readonly node: string;
  readonly progress?: readonly [value: number, total: number];
  readonly preview?: { readonly format: string; readonly size: readonly number[] } | null;
  readonly text?: string;
}

export interface NodeCall {
  readonly class: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Input → files of its pictures, all of one size. */
  readonly images?: Readonly<Record<string, readonly string[]>>;
  /** The id of the node; events carry it. */
  readonly node?: string;
  readonly v3?: boolean;
}

export interface NodeAnswer {
  readonly ui: { readonly text?: readonly string[] };
  // biome-ignore lint/suspicious/noExplicitAny: values of any socket
  readonly result: readonly any[];
}

export interface PythonPack {
  /** Packages that importing the pack has imported. */
  readonly imported: readonly string[];
  readonly told: readonly Told[];
  run(call: NodeCall): Promise<NodeAnswer>;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of the harness
  ask(op: 'info' | 'info_v3' | 'interrupt'): Promise<any>;
  /** Resolves once a node has told what the test is waiting for. */
  hears(isIt: (told: Told) => boolean): Promise<Told>;
  /** Ends it as ComfyUI ends a prompt: what still runs is cancelled. */
  close(): Promise<void>;
}

const NEEDS = 'import sys, numpy, PIL, aiohttp; assert sys.version_info >= (3, 9)';
const interpreters = [process.env.PEZ_NODES_TEST_PYTHON, 'python3', '/usr/bin/python3'].filter(
  (name) => name !== undefined,
);

/** A Python with NumPy, Pillow and aiohttp; undefined if there is none. */
export const python = interpreters.find((command) => {
  try {
    execFileSync(command, ['-c', NEEDS], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});

/** `describe` where there is such a Python; elsewhere it says what is skipped, and why. */
export const describeWithPython = (name: string, tests: () => void): void => {
  if (python) {
    describe(name, tests);
    return;
  }
  console.warn(`skipped: ${name}: needs Python 3.9 with numpy, pillow and aiohttp (PEZ_NODES_TEST_PYTHON names one)`);
  describe.skip(name, tests);
};

export const packFolder = join(import.meta.dirname, '../../comfyui');

/** Starts Python with a pack of a folder; `env`: what ComfyUI's environment would have. */
export async function startPythonPack(env: Readonly<Record<string, string>>, folder = packFolder): Promise<PythonPack> {
  const harness = join(import.meta.dirname, 'harness.py');
  const child = spawn(python as string, ['-B', harness, folder], {
    env: { ...process.env, PYTHONUTF8: '1', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const told: Told[] = [];
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  const listeners = new Set<() => void>();
  const lines = createInterface({ input: child.stdout });
  const first = once(lines, 'line');
  lines.on('line', (line) => {
    const message = JSON.parse(line);
    if ('node' in message) {
      told.push(message);
      for (const listener of listeners) listener();
    }
    const call = waiting.get(message.id);
    if (!call) return;
    if (message.error) call.reject(Object.assign(new Error(message.error[1]), { name: message.error[0] }));
    else call.resolve(message.ok);
  });
  let count = 0;
  const send = <T>(command: object): Promise<T> =>
    new Promise((resolve, reject) => {
      const id = ++count;
      waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      child.stdin.write(`${stringifyJson({ id, ...command })}\n`);
    });
  const [greeting] = await Promise.race([
    first,
    ended.then(([code]) => Promise.reject(new Error(`the harness ended with ${code}`))),
  ]);
  return {
    imported: JSON.parse(greeting).loaded,
    told,
    run: (call) => send({ op: 'run', node: '7', ...call }),
    ask: (op) => send({ op }),
    hears: (isIt) =>
      new Promise((resolve) => {
        const listener = () => {
          const found = told.find(isIt);
          if (!found) return;
          listeners.delete(listener);
          resolve(found);
        };
        listeners.add(listener);
        listener();
      }),
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}

// One worker process: forks it, waits until it is ready, passes messages on, says how it ended.
import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { FromWorker, ToWorker, WorkerOptions } from './protocol.ts';

/** How a worker ended: what it said last, and the exit code or signal. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly fatal: Extract<FromWorker, { type: 'fatal' }> | undefined;
  /** The last lines of its stderr. */
  readonly lastLines: readonly string[];
}

export interface WorkerProcess {
  readonly pid: number | undefined;
  /** True once it said that it is ready; false where it ended before, or was too slow and was ended. */
  readonly ready: Promise<boolean>;
  readonly ended: Promise<WorkerEnd>;
  /** False where the process is gone. */
  send(message: ToWorker): boolean;
  kill(): void;
}

export interface ForkOptions {
  readonly worker: WorkerOptions;
  /** Arguments for node, e.g. `--max-old-space-size=4096`. */
  readonly nodeArgs: readonly string[];
  readonly startTimeoutMs: number;
  readonly onMessage: (message: FromWorker) => void;
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void;
}

const KEPT_LINES = 20;
const MAX_LINE = 4_000;

/** From sources the worker runs through tsx, from dist under plain node with this process's own flags. */
function entry(): { readonly path: string; readonly execArgv: string[] } {
  const fromSource = import.meta.url.endsWith('.ts');
  const path = fileURLToPath(new URL(fromSource ? '../worker-main.ts' : '../worker-main.js', import.meta.url));
  if (!fromSource) return { path, execArgv: process.execArgv.filter((arg) => !arg.startsWith('--inspect')) };
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return { path, execArgv: ['--import', tsx] };
}

/** Calls back with each whole line of a stream. */
function splitLines(stream: NodeJS.ReadableStream | null, onLine: (line: string) => void): void {
  let rest = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (text: string) => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop()!.slice(0, MAX_LINE);
    for (const line of lines) if (line !== '') onLine(line.slice(0, MAX_LINE));
  });
  stream?.on('end', () => rest && onLine(rest));
}

/** Forks a worker. What goes wrong shows in `ready` and `ended`; nothing throws. */
export function forkWorker({ worker, nodeArgs, startTimeoutMs, onMessage, onLine }: ForkOptions): WorkerProcess {
  const { path, execArgv } = entry();
  const child: ChildProcess = fork(path, [JSON.stringify(worker)], {
    serialization: 'advanced',
    execArgv: [...execArgv, ...nodeArgs],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const lastLines: string[] = [];
  let fatal: WorkerEnd['fatal'];
  splitLines(child.stdout, (line) => onLine(line, 'stdout'));
  splitLines(child.stderr, (line) => {
    lastLines.push(line);
    if (lastLines.length > KEPT_LINES) lastLines.shift();
    onLine(line, 'stderr');
  });

  let sayReady: (ready: boolean) => void = () => undefined;
  const ready = new Promise<boolean>((resolve) => {
    sayReady = resolve;
  });
  const tooSlow = setTimeout(() => {
    lastLines.push(`It was not ready after ${startTimeoutMs / 1000} s.`);
    child.kill('SIGKILL');
  }, startTimeoutMs);
  const ended = new Promise<WorkerEnd>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null) => {
      clearTimeout(tooSlow);
      sayReady(false);
      resolve({ code, signal, fatal, lastLines });
    };
    child.on('error', (error) => {
      lastLines.push(error.message);
      if (child.pid === undefined) end(null, null);
    });
    // `close` comes after the pipes were read to their end, but grandchildren may hold them open.
    child.on('exit', (code, signal) => {
      const late = setTimeout(() => end(code, signal), 500);
      child.once('close', () => {
        clearTimeout(late);
        end(code, signal);
      });
    });
  });
  child.on('message', (message: FromWorker) => {
    if (message.type === 'fatal') fatal = message;
    else if (message.type === 'ready') {
      clearTimeout(tooSlow);
      sayReady(true);
    } else onMessage(message);
  });
  return {
    pid: child.pid,
    ready,
    ended,
    send(message) {
      if (!child.connected) return false;
      child.send(message, () => undefined); // an error here means that it ended: `ended` tells
      return true;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

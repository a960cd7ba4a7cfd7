// One worker process: forks it, waits until it is ready, passes messages on, says how it ended.
import { type ChildProcess, fork } from 'node:child_process';
import { scriptCommand } from '../../engine/script-command.ts';
import { openInterruptFlag } from './interrupt-flag.ts';
import { type FromWorker, type Packed, type ToWorker, unpack, type WorkerOptions } from './protocol.ts';

/** How a worker ended: what it said last, and the exit code or signal. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why this server ended it itself, if it did. */
  readonly endedBecause: string | undefined;
  readonly fatal: Extract<FromWorker, { type: 'fatal' }> | undefined;
  /** The last lines of its stderr. */
  readonly lastLines: readonly string[];
}

/** One process, from its fork to its end: it loads, is ready, has ended. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  /** True once it said that it is ready; false if it ended before that, or was too slow and was ended. */
  readonly ready: Promise<boolean>;
  /** It has said that it is ready; this stays true after its end. */
  readonly wasReady: boolean;
  readonly ended: Promise<WorkerEnd>;
  /** False if the process is gone. */
  send(message: ToWorker): boolean;
  /** `because`: what the user reads about it, e.g. `its prompt did not react to an interrupt`. */
  kill(because: string): void;
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
export const forkWorker = (options: ForkOptions): WorkerProcess => new ForkedWorker(options);

/** After a process's exit its pipes are read to their end, but grandchildren may hold them open: no longer than this. */
const CLOSE_WITHIN_MS = 500;

class ForkedWorker implements WorkerProcess {
  readonly ready: Promise<boolean>;
  readonly ended: Promise<WorkerEnd>;
  readonly #child: ChildProcess;
  readonly #interruptFlag = openInterruptFlag();
  readonly #lastLines: string[] = [];
  readonly #tooSlow: NodeJS.Timeout;
  #fatal: WorkerEnd['fatal'];
  #endedBecause: string | undefined;
  #wasReady = false;
  #settleReady!: (ready: boolean) => void;
  #settleEnded!: (end: WorkerEnd) => void;

  constructor({ worker, nodeArgs, startTimeoutMs, onMessage, onLine }: ForkOptions) {
    this.ready = new Promise((resolve) => {
      this.#settleReady = resolve;
    });
    void this.ready.then((ready) => {
      this.#wasReady = ready;
    });
    this.ended = new Promise((resolve) => {
      this.#settleEnded = resolve;
    });
    const { path, execArgv } = scriptCommand(new URL('../worker-main.ts', import.meta.url));
    this.#child = fork(path, [JSON.stringify(worker)], {
      serialization: 'advanced',
      execArgv: [...execArgv, ...nodeArgs],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', this.#interruptFlag?.fd ?? 'ignore'],
    });
    this.#tooSlow = setTimeout(() => this.kill(`it was not ready after ${startTimeoutMs / 1000} s`), startTimeoutMs);
    this.#readLines(onLine);
    this.#watchEnd();
    this.#child.on('message', (packed: Packed) => {
      for (const message of unpack(packed)) this.#receive(message, onMessage);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get wasReady(): boolean {
    return this.#wasReady;
  }

  send(message: ToWorker): boolean {
    if (!this.#child.connected) return false;
    if (message.type === 'run') this.#interruptFlag?.lower();
    if (message.type === 'interrupt') this.#interruptFlag?.raise();
    this.#child.send(message, () => undefined); // an error here means that it ended: `ended` tells
    return true;
  }

  kill(because: string): void {
    this.#endedBecause ??= because;
    this.#child.kill('SIGKILL');
  }

  #readLines(onLine: ForkOptions['onLine']): void {
    splitLines(this.#child.stdout, (line) => onLine(line, 'stdout'));
    splitLines(this.#child.stderr, (line) => {
      this.#keepLine(line);
      onLine(line, 'stderr');
    });
  }

  #keepLine(line: string): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > KEPT_LINES) this.#lastLines.shift();
  }

  #watchEnd(): void {
    this.#child.on('error', (error) => {
      this.#keepLine(error.message);
      if (this.pid === undefined) this.#end(null, null);
    });
    this.#child.on('exit', (code, signal) => {
      const late = setTimeout(() => this.#end(code, signal), CLOSE_WITHIN_MS);
      this.#child.once('close', () => {
        clearTimeout(late);
        this.#end(code, signal);
      });
    });
  }

  #end(code: number | null, signal: NodeJS.Signals | null): void {
    clearTimeout(this.#tooSlow);
    this.#interruptFlag?.close();
    this.#settleReady(false);
    this.#settleEnded({
      code,
      signal,
      endedBecause: this.#endedBecause,
      fatal: this.#fatal,
      lastLines: this.#lastLines,
    });
  }

  #receive(message: FromWorker, onMessage: ForkOptions['onMessage']): void {
    if (message.type === 'fatal') this.#fatal = message;
    else if (message.type === 'ready') {
      clearTimeout(this.#tooSlow);
      this.#settleReady(true);
    } else onMessage(message);
  }
}

// One decoder process seen from its parent: started, given one task at a time, ended when a task takes too long.
import { type ChildProcess, spawn } from 'node:child_process';
import { InputError } from '../errors.ts';
import { scriptCommand } from '../script-command.ts';
import { type Reply, ReplyReader } from './decoder-reply.ts';
import type { DecoderTask } from './decoder-task.ts';

export interface TaskOptions {
  /** For messages. */
  readonly name: string;
  readonly timeoutMs: number;
  /** Aborted when nobody waits for the answer any more: the process gets a moment to finish, then it is ended. */
  readonly signal?: AbortSignal;
}

/** How long the start of a process may take, on a machine with much to do. */
const START_TIMEOUT_MS = 60_000;
/** How long a task that nobody waits for may go on: most finish in time, and their process can be used again. */
const UNWANTED_MS = 1_000;

interface Pending {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

/** A process that has ended, or is about to, takes no more tasks: another one has to be started. */
export class DecoderProcess {
  readonly #child: ChildProcess;
  readonly #ready: Promise<Reply>;
  readonly #gone: Promise<void>;
  #pending: Pending | undefined;
  /** Why it has ended. */
  #ended: string | undefined;

  /** `maxBytes`: the memory that it may use. */
  constructor(maxBytes: number) {
    const { path, execArgv } = scriptCommand(new URL('./decoder-main.ts', import.meta.url));
    this.#child = spawn(process.execPath, [...execArgv, path, String(maxBytes)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      windowsHide: true,
    });
    const reader = new ReplyReader((reply) => this.#pending?.resolve(reply));
    this.#child.stdout?.on('data', (piece: Buffer) => reader.push(piece));
    this.#child.stdin?.on('error', () => undefined); // it has ended: 'close' tells
    this.#child.on('error', (error) => this.#end(error.message));
    this.#gone = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => {
        this.#end(`it ended with ${signal ?? `exit code ${code}`}`);
        resolve();
      });
    });
    this.#ready = this.#answer(START_TIMEOUT_MS, () => new Error('The process that decodes pictures did not start.'));
    this.#ready.catch(() => undefined); // run() tells
  }

  /** Whether it can be given another task. */
  get isAlive(): boolean {
    return this.#ended === undefined;
  }

  /**
   * One task at a time. Throws the InputError that the task threw, IMAGE_TOO_LARGE if it took too long,
   * IMAGE_UNREADABLE if the picture ended the process.
   */
  async run(task: DecoderTask, { name, timeoutMs, signal }: TaskOptions): Promise<Reply> {
    await this.#ready;
    let unwanted: NodeJS.Timeout | undefined;
    const onAbort = () => {
      unwanted = setTimeout(() => this.kill(), UNWANTED_MS);
    };
    signal?.addEventListener('abort', onAbort);
    try {
      const late = () => new InputError('IMAGE_TOO_LARGE', `${name} takes more than ${timeoutMs / 1000} s to decode.`);
      const answer = this.#answer(timeoutMs, late);
      this.#child.stdin?.write(`${JSON.stringify(task)}\n`);
      return this.#checked(await answer);
    } catch (error) {
      if (error instanceof InputError || this.isAlive) throw error;
      const why = (error as Error).message;
      throw new InputError('IMAGE_UNREADABLE', `${name} could not be decoded: ${why}.`, { cause: error });
    } finally {
      signal?.removeEventListener('abort', onAbort);
      clearTimeout(unwanted);
    }
  }

  /** Whether the parent stays alive as long as this process does. */
  keepsParent(keeps: boolean): void {
    const method = keeps ? 'ref' : 'unref';
    this.#child[method]();
    // The pipes are sockets, though their types do not say so.
    for (const pipe of [this.#child.stdin, this.#child.stdout]) (pipe as unknown as ChildProcess | null)?.[method]();
  }

  kill(): void {
    this.#ended ??= 'it was ended';
    this.#child.kill('SIGKILL');
  }

  /** Ends it and waits until it has gone. */
  async close(): Promise<void> {
    this.keepsParent(true);
    this.kill();
    await this.#gone;
  }

  /** The next answer. If it does not come in time, the process is ended. */
  #answer(timeoutMs: number, late: () => Error): Promise<Reply> {
    return new Promise<Reply>((resolve, reject) => {
      if (this.#ended !== undefined) return reject(new Error(this.#ended));
      const timer = setTimeout(() => {
        this.kill();
        this.#pending?.reject(late());
      }, timeoutMs);
      const settle = () => {
        clearTimeout(timer);
        this.#pending = undefined;
      };
      this.#pending = {
        resolve: (reply) => {
          settle();
          resolve(reply);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
    });
  }

  #checked(reply: Reply): Reply {
    if ('info' in reply.head) return reply;
    const { isLast, error } = reply.head;
    if (isLast) this.kill();
    throw error.code === '' ? new Error(error.message) : new InputError(error.code, error.message);
  }

  #end(why: string): void {
    this.#ended ??= why;
    this.#pending?.reject(new Error(this.#ended));
  }
}

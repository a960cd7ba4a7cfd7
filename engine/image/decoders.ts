// Pictures of strangers → pixels, or pictures encoded anew, in processes of their own: one that takes too much time or memory
// is ended, and the next picture gets another.
import type { Frames } from './decode-frames.ts';
import { DecoderProcess } from './decoder-process.ts';
import type { Reply } from './decoder-reply.ts';
import { type DecoderTask, framesOf, type PictureSource } from './decoder-task.ts';
import type { ViewForm } from './view-picture.ts';

export interface DecoderOptions {
  /** Pictures that are decoded at once; the others wait. */
  readonly processes?: number;
  /** Longest time for one picture, not counting what it waits. */
  readonly timeoutMs?: number;
  /** Most memory of one process, its program included. */
  readonly maxBytes?: number;
  /** An idle process is ended after this time. */
  readonly idleMs?: number;
}

interface Wanted {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
}

/** All methods throw IMAGE_UNREADABLE, IMAGE_TOO_LARGE (also for what takes too long or too much memory), or the signal's reason. */
export interface PictureReader {
  /** The frames of a picture file; `name` is what messages call it. */
  frames(path: string, options: Wanted & { readonly name: string }): Promise<Frames>;
  /** The picture encoded anew: see encodeView. */
  view(source: PictureSource, options: Wanted & { readonly name: string; readonly form: ViewForm }): Promise<Buffer>;
  /** The original with the mask's alpha, as PNG: see withAlphaOf. Both are paths. */
  withAlphaOf(original: string, mask: string, options?: Wanted): Promise<Buffer>;
  /** Ends the processes. Work that is under way fails. */
  close(): Promise<void>;
}

const DEFAULTS = { processes: 2, timeoutMs: 20_000, maxBytes: 2 * 2 ** 30, idleMs: 60_000 } as const;

/** Starts no process yet: the first picture does. */
export const createDecoders = (options: DecoderOptions = {}): PictureReader =>
  new DecoderPool({ ...DEFAULTS, ...options });

class DecoderPool implements PictureReader {
  readonly #options: Required<DecoderOptions>;
  /** Those without a task, the one that was used last at the end, with the timer that ends it. */
  readonly #idle: { readonly decoder: DecoderProcess; readonly timer: NodeJS.Timeout }[] = [];
  readonly #all = new Set<DecoderProcess>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #isClosed = false;

  constructor(options: Required<DecoderOptions>) {
    this.#options = options;
  }

  async frames(path: string, { name, signal }: Wanted & { name: string }): Promise<Frames> {
    const { head, bytes } = await this.#run({ kind: 'frames', path, name }, { name, signal });
    return framesOf('info' in head ? head.info : {}, bytes);
  }

  async view(
    source: PictureSource,
    { name, form, signal }: Wanted & { name: string; form: ViewForm },
  ): Promise<Buffer> {
    return (await this.#run({ kind: 'view', source, name, form }, { name, signal })).bytes;
  }

  async withAlphaOf(original: string, mask: string, { signal }: Wanted = {}): Promise<Buffer> {
    return (await this.#run({ kind: 'alpha', original, mask }, { name: 'The picture with its mask', signal })).bytes;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { timer } of this.#idle.splice(0)) clearTimeout(timer);
    await Promise.all([...this.#all].map((decoder) => decoder.close()));
    this.#all.clear();
  }

  /** Waits for its turn and runs. An aborted signal is answered at once; the process gets its moment to finish. */
  async #run(task: DecoderTask, { name, signal }: Wanted & { name: string }): Promise<Reply> {
    await this.#turn();
    try {
      signal?.throwIfAborted();
      if (this.#isClosed) throw new Error('No more pictures are decoded: the program is ending.');
    } catch (error) {
      this.#next();
      throw error;
    }
    const decoder = this.#take();
    const { timeoutMs } = this.#options;
    const reply = decoder.run(task, { name, timeoutMs, signal }).finally(() => this.#giveBack(decoder));
    return signal ? raced(reply, signal) : reply;
  }

  async #turn(): Promise<void> {
    if (this.#running >= this.#options.processes) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
  }

  #next(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running--;
  }

  #take(): DecoderProcess {
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      clearTimeout(idle.timer);
      if (!idle.decoder.isAlive) continue;
      idle.decoder.keepsParent(true);
      return idle.decoder;
    }
    const decoder = new DecoderProcess(this.#options.maxBytes);
    this.#all.add(decoder);
    return decoder;
  }

  #giveBack(decoder: DecoderProcess): void {
    decoder.keepsParent(false);
    if (decoder.isAlive) {
      const timer = setTimeout(() => decoder.kill(), this.#options.idleMs).unref();
      this.#idle.push({ decoder, timer });
    }
    for (const known of this.#all) if (!known.isAlive) this.#all.delete(known);
    this.#next();
  }
}

/** What comes first: the answer, or the signal's reason. */
function raced<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort);
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

// GET /api/v2/jobs/{id}/events: what happens to a job, as server-sent events (protocol: Events of API v2).
import type { Request, Response } from 'express';
import type { V2Job, V2Output, V2Progress, V2Status } from '../../../../schemas/api-v2.ts';
import { ApiError } from '../../envelope.ts';
import type { RouteTable } from '../../router.ts';
import type { ApiV2Deps, StreamLimits } from './deps.ts';
import { isTerminal, jobView, progressView, stateOf } from './job-view.ts';
import { withJob } from './jobs.ts';

const defaultLimits: StreamLimits = {
  maxStreams: 200,
  paceMs: 500,
  heartbeatMs: 15_000,
  maxUnreadBytes: 8 * 2 ** 20,
};

const RETRY_AFTER_SECONDS = 5;

export function eventRoutes(deps: ApiV2Deps): RouteTable {
  const limits = { ...defaultLimits, ...deps.streams };
  return {
    'GET /api/v2/jobs/:id/events': withJob(deps, (id, req, res) => {
      if (deps.feed.listeners >= limits.maxStreams)
        throw new ApiError('too_many_streams', `${limits.maxStreams} streams are open: ask for the job instead.`, {
          retryAfterSeconds: RETRY_AFTER_SECONDS,
        });
      res.writeHead(200, {
        'Content-Type': 'text/event-stream',
        'Cache-Control': 'no-store',
        'X-Accel-Buffering': 'no', // nginx would hold events back
      });
      if (req.method === 'HEAD') res.end();
      else new EventStream(id, { deps, req, res, limits }).start();
    }),
  };
}

type Kind = 'progress' | 'preview';

/** One listener of one job. Whenever something may be new it looks at the job and sends what differs from what it has sent. */
class EventStream {
  readonly #promptId: string;
  readonly #deps: ApiV2Deps;
  readonly #req: Request;
  readonly #res: Response;
  readonly #limits: StreamLimits;
  /** What was sent last. */
  #state = '';
  #progress = '';
  #preview: unknown;
  readonly #outputs = new Set<string>();
  /** The outputs that the last look has seen, to look at files only when there are others. */
  #shown: unknown;
  /** When the next one may follow, on the clock of performance.now(). */
  readonly #nextAt: Record<Kind, number> = { progress: 0, preview: 0 };
  readonly #timers: Partial<Record<Kind, NodeJS.Timeout>> = {};
  #lookAgain = false;
  #isLooking = false;

  constructor(
    promptId: string,
    { deps, req, res, limits }: { deps: ApiV2Deps; req: Request; res: Response; limits: StreamLimits },
  ) {
    this.#promptId = promptId;
    this.#deps = deps;
    this.#req = req;
    this.#res = res;
    this.#limits = limits;
  }

  start(): void {
    const res = this.#res;
    const unsubscribe = this.#deps.feed.subscribe(this.#promptId, () => this.#wake());
    const heartbeat = setInterval(() => this.#write(': alive\n\n'), this.#limits.heartbeatMs).unref();
    res.on('drain', () => this.#wake());
    res.once('close', () => {
      unsubscribe();
      clearInterval(heartbeat);
      for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    });
    res.flushHeaders();
    this.#wake();
  }

  /** Looks soon. Many events of one moment are one look. */
  #wake(): void {
    this.#lookAgain = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    setImmediate(() => void this.#look());
  }

  async #look(): Promise<void> {
    try {
      while (this.#lookAgain && !this.#isOver()) {
        this.#lookAgain = false;
        await this.#tell();
      }
    } catch {
      this.#res.end(); // the store can't be read: the listener asks for the job, and is told why
    } finally {
      this.#isLooking = false;
    }
  }

  #isOver(): boolean {
    return this.#res.destroyed || this.#res.writableEnded;
  }

  async #tell(): Promise<void> {
    const state = stateOf(this.#promptId, this.#deps);
    // It was there before: somebody has removed it from the queue or the history.
    if (!state) return this.#end({ status: 'canceled', queue_position: null });
    if (!isTerminal(state.status)) {
      this.#sendState(state);
      await this.#tellLive();
      return;
    }
    const job = await jobView(this.#promptId, this.#deps, this.#req);
    if (job) this.#sendOutputs(job.outputs);
    if (job?.progress) this.#send('progress', job.progress);
    this.#end(state);
  }

  /** Progress, preview and outputs of the running job. */
  async #tellLive(): Promise<void> {
    const live = this.#deps.feed.live(this.#promptId);
    if (!live) return;
    this.#sendProgress(progressView(live.progress));
    this.#sendPreview(live.preview);
    const shown = JSON.stringify(
      Object.entries(live.outputs).map(([id, lists]) => [id, Object.values(lists).flat().length]),
    );
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#sendOutputs((await jobView(this.#promptId, this.#deps, this.#req))?.outputs ?? []);
  }

  #sendState(state: Pick<V2Job, 'status' | 'queue_position'>): void {
    const text = JSON.stringify(state);
    if (text === this.#state) return;
    this.#state = text;
    this.#send('status', state);
  }

  #sendOutputs(outputs: readonly V2Output[]): void {
    for (const output of outputs) {
      if (this.#outputs.has(output.id)) continue;
      this.#outputs.add(output.id);
      this.#send('output', output);
    }
  }

  #sendProgress(progress: V2Progress): void {
    const text = JSON.stringify(progress);
    if (text === this.#progress || !this.#mayFollow('progress')) return;
    this.#progress = text;
    this.#send('progress', progress);
  }

  #sendPreview(preview: NonNullable<ReturnType<ApiV2Deps['feed']['live']>>['preview']): void {
    if (!preview || preview === this.#preview || !this.#mayFollow('preview')) return;
    this.#preview = preview;
    const { node_id, image_type: content_type, bytes } = preview;
    this.#send('preview', { node_id, content_type, data_base64: Buffer.from(bytes).toString('base64') });
  }

  /** Of what has a next one: not too often, and not to somebody who has not read the last. Looks again when it may. */
  #mayFollow(kind: Kind): boolean {
    if (this.#res.writableNeedDrain) return false; // `drain` wakes
    const now = performance.now();
    const waitMs = this.#nextAt[kind] - now;
    if (waitMs > 0) {
      clearTimeout(this.#timers[kind]);
      this.#timers[kind] = setTimeout(() => this.#wake(), waitMs);
      return false;
    }
    this.#nextAt[kind] = now + this.#limits.paceMs;
    return true;
  }

  #end(state: { readonly status: V2Status; readonly queue_position: number | null }): void {
    this.#sendState(state);
    this.#res.end();
  }

  #send(event: string, data: object): void {
    this.#write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  #write(text: string): void {
    if (this.#isOver()) return;
    this.#res.write(text);
    if (this.#res.writableLength > this.#limits.maxUnreadBytes) this.#res.destroy();
  }
}

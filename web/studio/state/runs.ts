// All runs of this page: sent, followed by their messages, found again after a reload or a lost connection.
import type { HistoryEntry } from '../../../schemas/history.ts';
import type { ApiGraph } from '../../../schemas/prompt.ts';
import { ApiError, getJson, type InputProblem, postJson, submitPrompt } from '../protocol/api.ts';
import type { Frame } from '../protocol/frames.ts';
import type { Message } from '../protocol/socket.ts';
import { isOver, newRun, type Purpose, type Run, type RunMark, readHistory, readLine } from './run.ts';

type QueueItem = readonly [number, string, ApiGraph, { readonly client_id?: string; readonly pez_studio?: RunMark }];
interface Queue {
  readonly queue_running: readonly QueueItem[];
  readonly queue_pending: readonly QueueItem[];
}

export interface RunHandlers {
  /** Something of a run that goes on has changed. */
  changed(): void;
  /** A run is over: done, failed or stopped. */
  ended(run: Run): void;
}

export class Runs {
  readonly #runs = new Map<string, Run>();
  readonly #waiters = new Map<string, (run: Run) => void>();
  readonly #clientId: string;
  readonly #handlers: RunHandlers;

  constructor(clientId: string, handlers: RunHandlers) {
    this.#clientId = clientId;
    this.#handlers = handlers;
  }

  /** Those that wait or run, oldest first; without questions of the page. */
  get active(): Run[] {
    return [...this.#runs.values()].filter((run) => !isOver(run) && run.purpose !== 'aside');
  }

  get(id: string | undefined): Run | undefined {
    return id === undefined ? undefined : this.#runs.get(id);
  }

  /** Sends a graph. Throws ApiError with the inputs that are wrong. */
  async start(graph: ApiGraph, mark: RunMark): Promise<{ run: Run; problems: readonly InputProblem[] }> {
    // Its id is ours, so that the run is known before its first message: a cached one is over as soon as it is sent.
    const run = newRun(randomUuid(), graph, mark);
    this.#runs.set(run.id, run);
    this.#handlers.changed();
    try {
      const problems = await submitPrompt({
        prompt: graph,
        prompt_id: run.id,
        client_id: this.#clientId,
        extra_data: { pez_studio: mark },
        ...(mark.purpose === 'aside' && { front: true }),
      });
      return { run, problems };
    } catch (error) {
      this.#runs.delete(run.id);
      this.#handlers.changed();
      throw error;
    }
  }

  /** Runs a graph aside: its outcome, which does not stay in the history. */
  async ask(graph: ApiGraph): Promise<Run> {
    const { run } = await this.start(graph, { purpose: 'aside' });
    const over = new Promise<Run>((resolve) => this.#waiters.set(run.id, resolve));
    if (isOver(run)) this.#settle(run);
    return over;
  }

  async stop(run: Run): Promise<void> {
    await postJson(`/api/jobs/${encodeURIComponent(run.id)}/cancel`, {});
    await this.#check(run);
  }

  /** A run of the history, by its id: undefined if it is gone. */
  async load(id: string): Promise<Run | undefined> {
    const known = this.#runs.get(id);
    if (known) return known;
    const entry = (await getJson<Record<string, HistoryEntry>>(`/history/${encodeURIComponent(id)}`))[id];
    return entry && this.adopt(id, entry);
  }

  adopt(id: string, entry: HistoryEntry): Run {
    const known = this.#runs.get(id);
    if (known) return known;
    const [, , graph, extra] = entry.prompt;
    const run = newRun(id, graph, (extra as { pez_studio?: RunMark }).pez_studio ?? { purpose: 'search' });
    readHistory(run, entry);
    this.#runs.set(id, run);
    return run;
  }

  /** After a reload or a lost connection: which of our runs wait, which run, and what became of the others. */
  async resume(): Promise<void> {
    const { queue_running: running, queue_pending: pending } = await getJson<Queue>('/queue');
    const listed = new Set<string>();
    for (const [state, items] of [
      ['running', running],
      ['waiting', pending],
    ] as const)
      for (const [, id, graph, extra] of items) {
        listed.add(id);
        if (extra.client_id !== this.#clientId && !this.#runs.has(id)) continue;
        const run = this.#runs.get(id) ?? newRun(id, graph, extra.pez_studio ?? { purpose: 'search' });
        this.#runs.set(id, run);
        if (!isOver(run)) run.state = state;
      }
    for (const run of this.#runs.values()) if (!isOver(run) && !listed.has(run.id)) await this.#check(run);
    this.#handlers.changed();
  }

  message({ type, data }: Message): void {
    if (type === 'status' || !('prompt_id' in data) || !data.prompt_id) return;
    const run = this.#runs.get(data.prompt_id);
    if (!run) return;
    if (type === 'execution_start') run.state = 'running';
    else if (type === 'executing') {
      if (data.node === null) return void this.#check(run);
      begin(run, data.display_node ?? data.node);
    } else if (type === 'progress') {
      if (run.node !== data.node) begin(run, data.node);
      run.value = data.value;
      run.max = data.max;
    } else if (type === 'executed' && data.output) run.outputs = { ...run.outputs, [data.display_node]: data.output };
    this.#handlers.changed();
  }

  frame(frame: Frame): void {
    const run = frame.kind === 'preview' ? this.#runs.get(frame.promptId) : this.#running(frame.nodeId);
    if (!run || isOver(run)) return;
    if (frame.kind === 'text') readLine(run, frame.text);
    else {
      if (run.preview) URL.revokeObjectURL(run.preview);
      run.preview = URL.createObjectURL(frame.picture);
      run.previewNode = frame.nodeId;
    }
    this.#handlers.changed();
  }

  #running(nodeId: string): Run | undefined {
    return [...this.#runs.values()].find((run) => run.state === 'running' && run.node === nodeId);
  }

  /** Asks the history what became of a run that should be over. */
  async #check(run: Run): Promise<void> {
    if (isOver(run)) return;
    try {
      const entry = (await getJson<Record<string, HistoryEntry>>(`/history/${encodeURIComponent(run.id)}`))[run.id];
      if (entry) readHistory(run, entry);
      else if (await isQueued(run.id)) return;
      else run.state = 'stopped';
    } catch (error) {
      if (error instanceof ApiError && error.status === 0) return; // asked again when the server is back
      throw error;
    }
    this.#settle(run);
  }

  #settle(run: Run): void {
    if (run.preview) URL.revokeObjectURL(run.preview);
    run.preview = '';
    if (run.purpose === 'aside') void postJson('/history', { delete: [run.id] }).catch(() => undefined);
    this.#waiters.get(run.id)?.(run);
    this.#waiters.delete(run.id);
    this.#handlers.ended(run);
  }
}

/** crypto.randomUUID is there only on pages with TLS, or of this machine. */
function randomUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

async function isQueued(id: string): Promise<boolean> {
  const queue = await getJson<Queue>('/queue');
  return [...queue.queue_running, ...queue.queue_pending].some((item) => item[1] === id);
}

function begin(run: Run, node: string): void {
  run.state = 'running';
  if (run.node === node) return;
  Object.assign(run, { node, value: 0, max: 0, nodeStartedAt: Date.now() });
}

export type { Purpose };

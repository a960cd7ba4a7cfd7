// What the server saw of a running job: enough to say how it ended if the worker that ran it is gone.
import type { ExecutionEvent, ExecutionMessages, NodeProgress, UiOutput } from '../../schemas/events.ts';
import { HISTORY_MESSAGES } from '../../schemas/events.ts';
import type { HistoryMessage, Job, JobOutcome, NodeMeta } from '../job.ts';

/** What is to stand in execution_error. */
export interface JobFailure {
  readonly type: string;
  readonly message: string;
  readonly traceback?: readonly string[];
}

export interface JobRecord {
  observe(event: ExecutionEvent): void;
  /** An output node has begun, or a node has shown something: files may be there, and clients may have seen results. */
  readonly mayHaveWritten: boolean;
  /** Ends the job with execution_error for the node that was executing. */
  fail(failure: JobFailure): JobEnd;
  /** Ends the job as interrupted. */
  interrupt(): JobEnd;
}

/** How the job ended, and what is to be emitted so that its client knows too. */
export interface JobEnd {
  readonly outcome: JobOutcome;
  readonly events: readonly ExecutionEvent[];
}

/** Starts a record; every event of the job is to be shown to it. */
export const createJobRecord = (job: Job): JobRecord => new EventRecord(job);

class EventRecord implements JobRecord {
  readonly #job: Job;
  readonly #messages: HistoryMessage[] = [];
  /** Node id → what it showed. */
  readonly #outputs = new Map<string, UiOutput>();
  readonly #progress = new Map<string, NodeProgress>();
  readonly #finished = new Set<string>();
  #executing: string | undefined;
  #mayHaveWritten = false;

  constructor(job: Job) {
    this.#job = job;
  }

  get mayHaveWritten(): boolean {
    return this.#mayHaveWritten;
  }

  observe({ type, data }: ExecutionEvent): void {
    // A blocker's execution_error has no timestamp and does not end the job: history does not keep it.
    const kept = (HISTORY_MESSAGES as readonly string[]).includes(type) && 'timestamp' in data && data.timestamp;
    if (kept) this.#messages.push([type, data] as unknown as HistoryMessage);
    if (type === 'executing' && data.node !== null) {
      this.#executing = data.node;
      this.#mayHaveWritten ||= this.#mayWrite(data.node);
    }
    if (type === 'executed' && data.output) {
      this.#outputs.set(data.node, data.output);
      this.#mayHaveWritten = true;
    }
    if (type !== 'progress_state') return;
    for (const [id, state] of Object.entries(data.nodes)) {
      this.#progress.set(id, state);
      if (state.state === 'finished') this.#finished.add(id);
    }
  }

  fail({ type, message, traceback = [] }: JobFailure): JobEnd {
    return this.#end('execution_error', {
      ...this.#whereItStood(),
      exception_message: `${message}\n`,
      exception_type: type,
      traceback: [...traceback],
      current_inputs: {},
      current_outputs: [...this.#finished],
    });
  }

  interrupt(): JobEnd {
    return this.#end('execution_interrupted', this.#whereItStood());
  }

  /** What a node of an expansion does is not known here, so it counts as an output node. */
  #mayWrite(node: string): boolean {
    return this.#job.outputsToExecute.includes(node) || !Object.hasOwn(this.#job.prompt, node);
  }

  #whereItStood() {
    return {
      prompt_id: this.#job.promptId,
      ...this.#culprit(),
      executed: [...this.#finished],
      timestamp: Date.now(),
    };
  }

  /** The user's node that was executing, else the first one that was to run. */
  #culprit(): { node_id: string; node_type: string } {
    const { prompt, outputsToExecute } = this.#job;
    const executing = this.#executing;
    const id = (executing !== undefined && this.#progress.get(executing)?.real_node_id) || executing;
    const node_id = id ?? outputsToExecute[0] ?? '';
    const node = Object.hasOwn(prompt, node_id) ? prompt[node_id] : undefined;
    return { node_id, node_type: node?.class_type ?? '' };
  }

  #end<K extends 'execution_error' | 'execution_interrupted'>(type: K, data: ExecutionMessages[K]): JobEnd {
    const { prompt_id, timestamp = Date.now() } = data;
    const events = [{ type, data } as unknown as ExecutionEvent];
    if (this.#messages.length === 0) events.unshift({ type: 'execution_start', data: { prompt_id, timestamp } });
    for (const event of events) this.#messages.push([event.type, event.data] as unknown as HistoryMessage);
    return {
      events,
      outcome: {
        status: type === 'execution_error' ? 'error' : 'interrupted',
        outputs: Object.fromEntries(this.#outputs),
        meta: this.#meta(),
        messages: this.#messages,
      },
    };
  }

  #meta(): Record<string, NodeMeta> {
    const entries = [...this.#outputs.keys()].map((id): [string, NodeMeta] => {
      const { display_node_id, parent_node_id, real_node_id } = this.#progress.get(id) ?? {};
      const known = { display_node: display_node_id ?? id, real_node_id: real_node_id ?? id };
      return [id, { node_id: id, parent_node: parent_node_id ?? null, ...known }];
    });
    return Object.fromEntries(entries);
  }
}

// What the server saw of a running job: enough to say how it ended when the worker that ran it is no more.
import type { ExecutionEvent, ExecutionMessages, NodeProgress, UiOutput } from '../../schemas/events.ts';
import { HISTORY_MESSAGES } from '../../schemas/events.ts';
import type { HistoryMessage, Job, JobOutcome, NodeMeta } from '../job.ts';

export interface JobRecord {
  observe(event: ExecutionEvent): void;
  /** Ends the job with execution_error for the node that was executing. */
  fail(failure: { readonly type: string; readonly message: string; readonly traceback?: readonly string[] }): JobEnd;
  /** Ends the job as interrupted. */
  interrupt(): JobEnd;
}

/** How the job ended, and what is to be emitted so that its client knows too. */
export interface JobEnd {
  readonly outcome: JobOutcome;
  readonly events: readonly ExecutionEvent[];
}

/** Starts a record; every event of the job is to be shown to it. */
export function createJobRecord(job: Job): JobRecord {
  const messages: HistoryMessage[] = [];
  const outputs = new Map<string, UiOutput>();
  const seen = new Map<string, NodeProgress>();
  const finished = new Set<string>();
  let executing: string | undefined;

  /** The user's node that was executing, else the first one that was to run. */
  function culprit(): { node_id: string; node_type: string } {
    const id = (executing !== undefined && seen.get(executing)?.real_node_id) || executing;
    const node_id = id ?? job.outputsToExecute[0] ?? '';
    const node = Object.hasOwn(job.prompt, node_id) ? job.prompt[node_id] : undefined;
    return { node_id, node_type: node?.class_type ?? '' };
  }

  function end<K extends 'execution_error' | 'execution_interrupted'>(type: K, data: ExecutionMessages[K]): JobEnd {
    const events: ExecutionEvent[] = [];
    const add = (event: ExecutionEvent) => {
      events.push(event);
      messages.push([event.type, event.data] as unknown as HistoryMessage);
    };
    const { prompt_id, timestamp = Date.now() } = data;
    if (messages.length === 0) add({ type: 'execution_start', data: { prompt_id, timestamp } });
    add({ type, data } as unknown as ExecutionEvent);
    const meta = [...outputs.keys()].map((id): [string, NodeMeta] => {
      const { display_node_id, parent_node_id, real_node_id } = seen.get(id) ?? {};
      const known = { display_node: display_node_id ?? id, real_node_id: real_node_id ?? id };
      return [id, { node_id: id, parent_node: parent_node_id ?? null, ...known }];
    });
    return {
      events,
      outcome: {
        status: type === 'execution_error' ? 'error' : 'interrupted',
        outputs: Object.fromEntries(outputs),
        meta: Object.fromEntries(meta),
        messages,
      },
    };
  }

  const common = () => ({
    prompt_id: job.promptId,
    ...culprit(),
    executed: [...finished],
    timestamp: Date.now(),
  });
  return {
    observe({ type, data }) {
      // A blocker's execution_error has no timestamp and is no end: history does not keep it.
      const kept = (HISTORY_MESSAGES as readonly string[]).includes(type) && 'timestamp' in data && data.timestamp;
      if (kept) messages.push([type, data] as unknown as HistoryMessage);
      if (type === 'executing' && data.node !== null) executing = data.node;
      if (type === 'executed' && data.output) outputs.set(data.node, data.output);
      if (type !== 'progress_state') return;
      for (const [id, state] of Object.entries(data.nodes)) {
        seen.set(id, state);
        if (state.state === 'finished') finished.add(id);
      }
    },
    fail: ({ type, message, traceback = [] }) =>
      end('execution_error', {
        ...common(),
        exception_message: `${message}\n`,
        exception_type: type,
        traceback: [...traceback],
        current_inputs: {},
        current_outputs: [...finished],
      }),
    interrupt: () => end('execution_interrupted', common()),
  };
}

// Graphs and stub nodes for the executor's tests, and what a run did: which nodes ran, what was cached, events in order.
import {
  Blocker,
  defineNode,
  int,
  list,
  type NodeDefinition,
  NodeResult,
  optional,
  port,
  string,
} from '../../../nodes/define-node.ts';
import type { NodeContext } from '../../../nodes/node-context.ts';
import type { ExecutionEvent, ExecutionMessages } from '../../../schemas/events.ts';
import type { ApiGraph } from '../../../schemas/prompt.ts';
import { createExecutor, type Executor } from '../../../server/executor/executor.ts';
import type { CacheMode } from '../../../server/executor/result-cache.ts';
import type { Job, JobOutcome } from '../../../server/job.ts';

export type Inputs = Readonly<Record<string, unknown>>;

/** `node('Join', { a: link('1') })`. */
export const node = (class_type: string, inputs: Inputs = {}) => ({ class_type, inputs });
export const link = (id: string, slot = 0): [string, number] => [id, slot];

const named = { displayName: 'stub', category: 'test', description: 'A stub.' };
type Run = (inputs: Record<string, unknown>, context: NodeContext) => unknown;

/** A node of any shape; `run` may return anything. */
export const stub = (type: string, spec: Partial<NodeDefinition> & { run: Run }): NodeDefinition =>
  ({ ...named, type, inputs: {}, outputs: {}, ...spec }) as NodeDefinition;

const any = port('*');

/** Value, Join and Show: enough for most graphs. */
export const basicNodes: readonly NodeDefinition[] = [
  defineNode({
    ...named,
    type: 'Value',
    inputs: { value: string() },
    outputs: { out: any },
    run: ({ value }) => ({ out: value }),
  }),
  defineNode({
    ...named,
    type: 'Join',
    inputs: { a: any, b: optional(any), times: optional(int({ default: 1 })) },
    outputs: { out: any },
    run: ({ a, b, times }) => ({ out: `${a}${b ?? ''}`.repeat(times as number) }),
  }),
  defineNode({
    ...named,
    type: 'Show',
    inputs: { value: any },
    outputs: {},
    outputNode: true,
    run: ({ value }) => new NodeResult({ ui: { text: [value] } }),
  }),
  defineNode({
    ...named,
    type: 'Split',
    inputs: { text: string() },
    outputs: { parts: list(any) },
    run: ({ text }) => ({ parts: text === '' ? [] : text.split(',') }),
  }),
  defineNode({
    ...named,
    type: 'Lazy',
    inputs: { use: string(), a: port('*', { lazy: true }), b: port('*', { lazy: true }) },
    outputs: { out: any },
    checkLazyStatus: ({ use }) => [...(use as string)],
    run: ({ use, a, b }) => ({ out: `${use}:${a ?? '-'}${b ?? '-'}` }),
  }),
  defineNode({
    ...named,
    type: 'Block',
    inputs: { message: optional(string()) },
    outputs: { out: any },
    run: ({ message }) => ({ out: new Blocker(message) }),
  }),
];

export interface Ran {
  readonly outcome: JobOutcome;
  readonly events: readonly ExecutionEvent[];
  /** Ids of the nodes whose `run` was called, call by call. */
  readonly calls: readonly string[];
  /** `executing:1`, `progress_state:1 running`: the order of events, briefly. */
  readonly story: readonly string[];
  readonly cached: readonly string[];
  shown(id: string): unknown;
  data<K extends keyof ExecutionMessages>(type: K): ExecutionMessages[K][];
}

export interface Bench {
  readonly executor: Executor;
  run(prompt: ApiGraph, options?: RunOptions): Promise<Ran>;
}

interface RunOptions {
  readonly roots?: readonly string[];
  readonly signal?: AbortSignal;
  readonly extraData?: Inputs;
  readonly onEvent?: (event: ExecutionEvent) => void;
}

/** What an executor needs besides nodes, for nodes that need nothing. */
export const nothingElse: Pick<Parameters<typeof createExecutor>[0], 'services' | 'sources'> = {
  services: {} as Pick<NodeContext, 'files' | 'models'>,
  sources: {
    inputImages: () => [],
    models: () => [],
    clips: () => [],
    checkpoints: () => [],
    offersModel: () => false,
  },
};

/** An executor over the basic nodes and `extra` ones, which notes every call. */
export function createBench(extra: readonly NodeDefinition[] = [], cache: CacheMode = 'classic'): Bench {
  const calls: string[] = [];
  const registry = new Map(
    [...basicNodes, ...extra].map((definition) => {
      const run: Run = definition.run as Run;
      const noting = (inputs: Record<string, unknown>, context: NodeContext) => {
        calls.push(context.nodeId);
        return run(inputs, context);
      };
      return [definition.type, { module: 'nodes', definition: { ...definition, run: noting } }] as const;
    }),
  );
  const executor = createExecutor({ registry, cache, ...nothingElse });
  let prompts = 0;
  return {
    executor,
    async run(prompt, { roots, signal, extraData = {}, onEvent } = {}) {
      const events: ExecutionEvent[] = [];
      calls.length = 0;
      const isOutput = (id: string) => registry.get(prompt[id].class_type)?.definition.outputNode;
      const job: Job = {
        promptId: `p${++prompts}`,
        prompt,
        outputsToExecute: roots ?? Object.keys(prompt).filter(isOutput),
        extraData,
      };
      const outcome = await executor.run(job, {
        signal: signal ?? new AbortController().signal,
        emit: (event) => {
          events.push(event);
          onEvent?.(event);
        },
      });
      const data = <K extends keyof ExecutionMessages>(type: K) =>
        events.flatMap((e) => (e.type === type ? [e.data as ExecutionMessages[K]] : []));
      return {
        outcome,
        events,
        calls: [...calls],
        story: tell(events),
        cached: data('execution_cached')[0].nodes,
        shown: (id) => outcome.outputs[id]?.text,
        data,
      };
    },
  };
}

/** Events in brief; of a progress_state the nodes that changed. */
function tell(events: readonly ExecutionEvent[]): string[] {
  let before: Record<string, string> = {};
  return events.map((event) => {
    if (event.type === 'progress_state') {
      const now = Object.fromEntries(
        Object.entries(event.data.nodes).map(([id, n]) => [
          id,
          `${n.state}${n.value > 0 && n.state === 'running' ? ` ${n.value}/${n.max}` : ''}`,
        ]),
      );
      const changed = Object.keys(now).filter((id) => now[id] !== before[id]);
      before = now;
      return `state ${changed.map((id) => `${id} ${now[id]}`).join()}`;
    }
    if (event.type === 'executing' || event.type === 'executed') return `${event.type} ${event.data.node}`;
    if (event.type === 'execution_cached') return `execution_cached ${event.data.nodes.join()}`.trim();
    if (event.type === 'progress') return `progress ${event.data.value}/${event.data.max}`;
    return event.type;
  });
}

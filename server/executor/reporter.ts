// What a prompt tells while it runs (protocol: Order of events): events in order, progress_state, and what history keeps.
import {
  type ExecutionEvent,
  type ExecutionMessages,
  HISTORY_MESSAGES,
  type NodeProgress,
  type UiOutput,
} from '../../schemas/events.ts';
import type { HistoryMessage, NodeMeta } from '../job.ts';
import type { GraphNode } from './graph.ts';
import { type NodeChannel, openNodeChannel } from './node-channel.ts';
import { NodeStates } from './node-states.ts';
import { createThrottle } from './throttle.ts';

type MessageData<K extends keyof ExecutionMessages> = Omit<ExecutionMessages[K], 'prompt_id'>;

/** How often a node that moves its progress bar looks whether it was interrupted. */
const LOOK_EVERY_MS = 50;

interface ReporterOptions {
  readonly promptId: string;
  readonly emit: (event: ExecutionEvent) => void;
  readonly lookForInterrupt?: () => void;
}

/** The reporter of one prompt. */
export class Reporter {
  readonly #promptId: string;
  readonly #emit: (event: ExecutionEvent) => void;
  readonly #messages: HistoryMessage[] = [];
  readonly #outputs = new Map<string, UiOutput>();
  readonly #meta = new Map<string, NodeMeta>();
  readonly #states: NodeStates;
  readonly #interrupts: { offer(nothing: undefined): void };

  constructor({ promptId, emit, lookForInterrupt = () => undefined }: ReporterOptions) {
    this.#promptId = promptId;
    this.#emit = emit;
    this.#interrupts = createThrottle(LOOK_EVERY_MS, lookForInterrupt);
    this.#states = new NodeStates((nodes) => this.send('progress_state', { nodes }));
  }

  /** The messages that history keeps. */
  get messages(): readonly HistoryMessage[] {
    return this.#messages;
  }

  /** What each node showed. */
  get outputs(): ReadonlyMap<string, UiOutput> {
    return this.#outputs;
  }

  get meta(): ReadonlyMap<string, NodeMeta> {
    return this.#meta;
  }

  /** Sends an event and keeps it for the history, if history keeps events of that type. */
  record<K extends keyof ExecutionMessages>(type: K, data: MessageData<K>): void {
    this.flush();
    if ((HISTORY_MESSAGES as readonly string[]).includes(type))
      this.#messages.push([type, { ...data, prompt_id: this.#promptId }] as unknown as HistoryMessage);
    this.send(type, data);
  }

  /** Sends an event that history does not keep, e.g. a blocker's message. */
  send<K extends keyof ExecutionMessages>(type: K, data: MessageData<K>): void {
    this.#emit({ type, data: { ...data, prompt_id: this.#promptId } } as unknown as ExecutionEvent);
  }

  /** Sends `executed` with what a node shows, or null, and keeps it among the outputs. */
  executed(node: GraphNode, ui: UiOutput | undefined): void {
    if (ui) {
      this.#outputs.set(node.id, ui);
      this.#meta.set(node.id, {
        node_id: node.id,
        display_node: node.display,
        parent_node: node.parent ?? null,
        real_node_id: node.real,
      });
    }
    this.send('executed', { node: node.id, display_node: node.display, output: ui ?? null });
  }

  setState(node: GraphNode, state: NodeProgress['state']): void {
    const { value, max } = this.#states.get(node.id) ?? { value: 0, max: 1 };
    this.#reportState(node, { value: state === 'finished' ? max : state === 'running' ? 0 : value, max, state });
  }

  /** Sends the states that were held back: nothing may follow for a while. */
  flush(): void {
    this.#states.flush();
  }

  /** Opens what a node may say while it runs. */
  openChannel(node: GraphNode, signal: AbortSignal): NodeChannel {
    return openNodeChannel(signal, {
      moved: () => this.#interrupts.offer(undefined),
      progress: ({ value, max }) => {
        this.#reportState(node, { value, max, state: 'running' });
        this.send('progress', { value, max, node: node.id });
      },
      preview: ({ bytes, imageType }) =>
        this.#emit({ type: 'preview', data: { ...this.#identify(node), image_type: imageType, bytes } }),
      text: (line) => this.#emit({ type: 'text', data: { node_id: node.id, prompt_id: this.#promptId, text: line } }),
    });
  }

  #reportState(node: GraphNode, change: Pick<NodeProgress, 'value' | 'max' | 'state'>): void {
    this.#states.set(node.id, { ...change, ...this.#identify(node) });
  }

  #identify(node: GraphNode) {
    return {
      node_id: node.id,
      prompt_id: this.#promptId,
      display_node_id: node.display,
      parent_node_id: node.parent ?? null,
      real_node_id: node.real,
    };
  }
}

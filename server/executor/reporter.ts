// What a prompt tells while it runs (comfy-api.md 3.5): events in order, progress_state, and what history keeps.
import type { NodeContext } from '../../nodes/node-context.ts';
import {
  type ExecutionEvent,
  type ExecutionMessages,
  HISTORY_MESSAGES,
  type NodeProgress,
  type UiOutput,
} from '../../schemas/events.ts';
import type { HistoryMessage, NodeMeta } from '../job.ts';
import type { GraphNode } from './graph.ts';
import { createThrottle } from './throttle.ts';

/** A node's progress, text and previews pass at most this often: a fast loop must not flood the sockets. */
const PROGRESS_INTERVAL_MS = 50;
const PREVIEW_INTERVAL_MS = 100;
/** progress_state names this many nodes; in larger graphs the oldest finished ones leave it. */
const MAX_REPORTED_NODES = 100;

/** What a node may say while it runs, and the end of that. */
export interface NodeChannel extends Pick<NodeContext, 'progress' | 'preview' | 'text'> {
  /** Sends what was held back; after it nothing is sent any more. */
  close(): void;
}

export interface Reporter {
  readonly messages: readonly HistoryMessage[];
  readonly outputs: ReadonlyMap<string, UiOutput>;
  readonly meta: ReadonlyMap<string, NodeMeta>;
  message<K extends keyof ExecutionMessages>(type: K, data: Omit<ExecutionMessages[K], 'prompt_id'>): void;
  /** An event beside the history, e.g. a blocker's message. */
  aside<K extends keyof ExecutionMessages>(type: K, data: Omit<ExecutionMessages[K], 'prompt_id'>): void;
  /** What a node shows, or null: `executed`, and the history's outputs. */
  executed(node: GraphNode, ui: UiOutput | undefined): void;
  setState(node: GraphNode, state: 'running' | 'finished' | 'error'): void;
  openChannel(node: GraphNode, signal: AbortSignal): NodeChannel;
}

/** A reporter of one prompt. */
export function createReporter(promptId: string, emit: (event: ExecutionEvent) => void): Reporter {
  const messages: HistoryMessage[] = [];
  const outputs = new Map<string, UiOutput>();
  const meta = new Map<string, NodeMeta>();
  const states = new Map<string, NodeProgress>();

  const aside: Reporter['aside'] = (type, data) =>
    emit({ type, data: { ...data, prompt_id: promptId } } as unknown as ExecutionEvent);
  const message: Reporter['message'] = (type, data) => {
    if ((HISTORY_MESSAGES as readonly string[]).includes(type))
      messages.push([type, { ...data, prompt_id: promptId }] as unknown as HistoryMessage);
    aside(type, data);
  };

  function trim(): void {
    if (states.size <= MAX_REPORTED_NODES) return;
    for (const [id, { state }] of states) {
      if (states.size <= MAX_REPORTED_NODES) return;
      if (state === 'finished') states.delete(id);
    }
  }
  function report(node: GraphNode, change: Pick<NodeProgress, 'value' | 'max' | 'state'>): void {
    states.set(node.id, {
      ...change,
      node_id: node.id,
      prompt_id: promptId,
      display_node_id: node.display,
      parent_node_id: node.parent ?? null,
      real_node_id: node.real,
    });
    trim();
    aside('progress_state', { nodes: Object.fromEntries(states) });
  }

  return {
    messages,
    outputs,
    meta,
    message,
    aside,
    executed(node, ui) {
      if (ui) {
        outputs.set(node.id, ui);
        meta.set(node.id, {
          node_id: node.id,
          display_node: node.display,
          parent_node: node.parent ?? null,
          real_node_id: node.real,
        });
      }
      aside('executed', { node: node.id, display_node: node.display, output: ui ?? null });
    },
    setState(node, state) {
      const { value, max } = states.get(node.id) ?? { value: 0, max: 1 };
      report(node, { value: state === 'finished' ? max : state === 'running' ? 0 : value, max, state });
    },
    openChannel(node, signal) {
      let open = true;
      const source = {
        node_id: node.id,
        prompt_id: promptId,
        display_node_id: node.display,
        parent_node_id: node.parent ?? null,
        real_node_id: node.real,
      };
      const progress = createThrottle<{ value: number; max: number }>(PROGRESS_INTERVAL_MS, ({ value, max }) => {
        report(node, { value, max, state: 'running' });
        aside('progress', { value, max, node: node.id });
      });
      const preview = createThrottle<Parameters<NodeContext['preview']>[0]>(
        PREVIEW_INTERVAL_MS,
        ({ bytes, imageType }) => emit({ type: 'preview', data: { ...source, image_type: imageType, bytes } }),
      );
      const text = createThrottle<string>(PROGRESS_INTERVAL_MS, (line) =>
        emit({ type: 'text', data: { node_id: node.id, prompt_id: promptId, text: line } }),
      );
      return {
        progress(value, max) {
          signal.throwIfAborted();
          if (!open) return;
          progress.offer({ value, max });
          if (value >= max) progress.flush();
        },
        preview(image) {
          if (open && !signal.aborted) preview.offer(image);
        },
        text(line) {
          if (open && !signal.aborted) text.offer(line);
        },
        close() {
          if (!open) return;
          for (const held of [progress, text, preview]) held.flush();
          open = false;
        },
      };
    },
  };
}

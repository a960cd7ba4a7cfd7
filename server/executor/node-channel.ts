// What a node says while it runs (progress, previews, text) → the same, at a rate that sockets can bear.
import type { NodeContext } from '../../nodes/node-context.ts';
import { createThrottle } from './throttle.ts';

/** A node's progress, text and previews pass at most this often: a fast loop must not flood the sockets. */
const PROGRESS_INTERVAL_MS = 50;
const PREVIEW_INTERVAL_MS = 100;

export type PreviewImage = Parameters<NodeContext['preview']>[0];

/** Where a node's messages go. */
interface ChannelSinks {
  /** Called at every call of `progress`, before anything else: it may abort the signal. */
  moved(): void;
  progress(at: { readonly value: number; readonly max: number }): void;
  preview(image: PreviewImage): void;
  text(line: string): void;
}

/** What a node may say while it runs, and the end of that. */
export interface NodeChannel extends Pick<NodeContext, 'progress' | 'preview' | 'text'> {
  /** Sends what was held back; nothing is sent afterwards. */
  close(): void;
}

/** Opens a channel; once `signal` is aborted it passes nothing on, and `progress` throws. */
export function openNodeChannel(signal: AbortSignal, sinks: ChannelSinks): NodeChannel {
  const progress = createThrottle(PROGRESS_INTERVAL_MS, sinks.progress);
  const preview = createThrottle(PREVIEW_INTERVAL_MS, sinks.preview);
  const text = createThrottle(PROGRESS_INTERVAL_MS, sinks.text);
  let isOpen = true;
  return {
    progress(value, max) {
      sinks.moved();
      signal.throwIfAborted();
      if (!isOpen) return;
      progress.offer({ value, max });
      if (value >= max) progress.flush();
    },
    preview(image) {
      if (isOpen && !signal.aborted) preview.offer(image);
    },
    text(line) {
      if (isOpen && !signal.aborted) text.offer(line);
    },
    close() {
      if (!isOpen) return;
      for (const held of [progress, text, preview]) held.flush();
      isOpen = false;
    },
  };
}

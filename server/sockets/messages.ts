// Events, status and log lines → the messages that go out: as text or binary frames, skippable or not.
import type { ExecutionEvent, LogEntry } from '../../schemas/events.ts';
import type { Outgoing, SocketClient } from './client.ts';
import { jsonFrame, previewFrame, previewWithMetadataFrame, textFrame } from './frames.ts';

/** Events that a later one repeats or that only decorate: these may be left out for slow readers. */
const SKIPPABLE: readonly ExecutionEvent['type'][] = ['progress', 'progress_state', 'preview', 'text'];

/** Events that everyone gets if the prompt has no client (protocol: Addressing of events; Blockers). */
export function goesToAllWithoutClient(event: ExecutionEvent): boolean {
  if (event.type === 'execution_error') return event.data.exception_type === 'ExecutionBlocked';
  return event.type === 'execution_interrupted' || SKIPPABLE.includes(event.type);
}

/** The bytes of an event for one client; encoded once per form, however many clients there are. */
export function encoder(event: ExecutionEvent): (client: SocketClient) => Outgoing {
  const made = new Map<boolean, Outgoing>();
  const skippable = SKIPPABLE.includes(event.type);
  const encode = (withMetadata: boolean): Outgoing => {
    if (event.type === 'text') return { bytes: textFrame(event.data), binary: true, skippable };
    if (event.type !== 'preview') return { bytes: jsonFrame(event.type, event.data), binary: false, skippable };
    const bytes = withMetadata ? previewWithMetadataFrame(event.data) : previewFrame(event.data);
    return { bytes, binary: true, skippable };
  };
  return ({ wantsPreviewMetadata }) => {
    const key = event.type === 'preview' && wantsPreviewMetadata;
    const message = made.get(key) ?? encode(key);
    made.set(key, message);
    return message;
  };
}

/** With a sid: the first message of a connection. */
export const statusMessage = (queueRemaining: number, sid?: string): Outgoing => ({
  bytes: jsonFrame('status', { status: { exec_info: { queue_remaining: queueRemaining } }, sid }),
  binary: false,
  skippable: sid === undefined,
});

/** What a client that connects is told of its running prompt. */
export const executingMessage = (node: string): Outgoing => ({
  bytes: jsonFrame('executing', { node }),
  binary: false,
  skippable: false,
});

export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

export const logsMessage = (entries: readonly LogEntry[], size?: TerminalSize): Outgoing => ({
  bytes: jsonFrame('logs', { entries, size: size ?? null }),
  binary: false,
  skippable: true,
});

// Outcomes that no worker reported: the queue makes them itself.
import type { HistoryMessage, JobOutcome } from '../job.ts';

/** The job was running every time the server died. */
export const serverDied = (promptId: string, attempts: number): JobOutcome =>
  failure(
    promptId,
    'ServerDied',
    `The server died ${attempts} times while this prompt ran, so it is not tried again. Look at the server's log and memory, then queue it anew.`,
  );

/** The results can't be written, however often it is tried. */
export const resultUnstorable = (promptId: string, reason: string): JobOutcome =>
  failure(
    promptId,
    'ResultUnstorable',
    `The results of the prompt can't be stored: ${reason} Make its nodes show less.`,
  );

/** What was accepted can't be read from the disk any more. */
export const promptUnreadable = (promptId: string, reason: string): JobOutcome =>
  failure(
    promptId,
    'PromptUnreadable',
    `The prompt was damaged on the disk and can't be read: ${reason} Queue it again, and check the disk.`,
  );

/** A user cancelled it before it began. */
export function withdrawn(promptId: string): JobOutcome {
  const data = { prompt_id: promptId, node_id: '', node_type: '', executed: [], timestamp: Date.now() };
  return { status: 'interrupted', outputs: {}, meta: {}, messages: [['execution_interrupted', data]] };
}

function failure(promptId: string, type: string, message: string): JobOutcome {
  const timestamp = Date.now();
  const error = {
    prompt_id: promptId,
    node_id: '',
    node_type: '',
    executed: [],
    exception_message: `${message}\n`,
    exception_type: type,
    traceback: [],
    current_inputs: {},
    current_outputs: [],
    timestamp,
  };
  const messages: HistoryMessage[] = [
    ['execution_start', { prompt_id: promptId, timestamp }],
    ['execution_error', error],
  ];
  return { status: 'error', outputs: {}, meta: {}, messages };
}

// What happens to prompts → lines of the log: accepted, and how it ended after which time.
import type { Job, JobOutcome } from '../job.ts';

const MAX_ID = 64;
const MAX_MESSAGE = 300;

/** Clients choose ids: one that is not plain is quoted and cut. */
const idOf = (promptId: string): string =>
  promptId.length <= MAX_ID && /^[\w.-]+$/.test(promptId) ? promptId : JSON.stringify(promptId.slice(0, MAX_ID));

/** `ahead`: prompts that run or wait already. */
export function acceptedLine({ promptId, prompt }: Job, ahead: number): string {
  const nodes = Object.keys(prompt).length;
  const size = nodes === 1 ? '1 node' : `${nodes} nodes`;
  return `Prompt ${idOf(promptId)} accepted: ${size}${ahead > 0 ? `, ${ahead} before it` : ''}.`;
}

/** `Prompt … done in 1.40 s.`, or after which time, where and why it did not end well. */
export function endedLine({ promptId }: Job, { status, messages }: JobOutcome, ms: number): string {
  const prompt = `Prompt ${idOf(promptId)}`;
  const time = `${(ms / 1000).toFixed(2)} s`;
  if (status === 'success') return `${prompt} done in ${time}.`;
  if (status === 'interrupted') return `${prompt} interrupted after ${time}.`;
  const failure = messages.find(([type]) => type === 'execution_error')?.[1];
  if (!failure || !('exception_message' in failure)) return `${prompt} failed after ${time}.`;
  const { node_id, node_type, exception_type, exception_message } = failure;
  const where = node_id === '' ? '' : ` at node ${idOf(node_id)} (${node_type})`;
  const what = exception_message.trim().replace(/\s+/g, ' ').slice(0, MAX_MESSAGE);
  return `${prompt} failed after ${time}${where}: ${exception_type}: ${what}`;
}

// What the routes read from the database of jobs: queue, history, lists of jobs. The JSON in it is passed on as it is.
import type { JobDetail, JobStatus, JobSummary } from '../../schemas/jobs.ts';
import { parseJson } from '../json.ts';
import type { JobDatabase } from './database.ts';
import type { HistoryWindow, JobQuery } from './store.ts';
import { type OutcomeSummary, tidyOutputs } from './summary.ts';

/** Entries of the history that are read at once. */
const PAGE = 50;

interface PromptRow {
  readonly prompt_id: string;
  readonly number: number;
  readonly prompt: string;
  readonly extra_data: string;
  readonly outputs_to_execute: string;
}

interface HistoryRow extends PromptRow {
  readonly outputs: string;
  readonly execution_status: string;
  readonly meta: string;
}

interface FinishedRow {
  readonly finished_seq: number;
}

interface JobRow extends Partial<HistoryRow> {
  readonly prompt_id: string;
  readonly number: number;
  readonly status: JobStatus;
  readonly create_time: number;
  readonly workflow_id: string | null;
  readonly start_time: number | null;
  readonly end_time: number | null;
  readonly summary: string | null;
}

/** GET /queue. */
export function readQueue(db: JobDatabase): string {
  const items = (status: JobStatus): string =>
    db
      .all<PromptRow>('SELECT * FROM jobs WHERE status = ? ORDER BY number, prompt_id', status)
      .map(promptTuple)
      .join(',');
  return `{"queue_running":[${items('in_progress')}],"queue_pending":[${items('pending')}]}`;
}

/** The history as pieces of one JSON object, oldest first (protocol: History). `promptId`: that entry only. */
export function* readHistory(
  db: JobDatabase,
  { maxItems, offset, promptId }: HistoryWindow & { readonly promptId?: string },
): Generator<string> {
  const ids = promptId === undefined ? finishedSeqs(db, maxItems, offset) : finishedSeq(db, promptId);
  let separator = '{';
  for (let at = 0; at < ids.length; at += PAGE) {
    const page = JSON.stringify(ids.slice(at, at + PAGE));
    for (const row of db.all<HistoryRow>(PAGE_OF_HISTORY, page)) {
      yield `${separator}${JSON.stringify(row.prompt_id)}:${historyEntry(row)}`;
      separator = ',';
    }
  }
  yield separator === '{' ? '{}' : '}';
}

const PAGE_OF_HISTORY =
  'SELECT * FROM jobs WHERE finished_seq IN (SELECT value FROM json_each(?)) ORDER BY finished_seq';

const FINISHED = 'SELECT finished_seq FROM jobs WHERE finished_seq IS NOT NULL';

function finishedSeqs(db: JobDatabase, maxItems = -1, offset?: number): number[] {
  const rows =
    offset === undefined || offset < 0
      ? db.all<FinishedRow>(`${FINISHED} ORDER BY finished_seq DESC LIMIT ?`, maxItems).reverse()
      : db.all<FinishedRow>(`${FINISHED} ORDER BY finished_seq LIMIT ? OFFSET ?`, maxItems, offset);
  return rows.map((row) => row.finished_seq);
}

const finishedSeq = (db: JobDatabase, promptId: string): number[] =>
  db.all<FinishedRow>(`${FINISHED} AND prompt_id = ?`, promptId).map((row) => row.finished_seq);

const promptTuple = (row: PromptRow): string =>
  `[${row.number},${JSON.stringify(row.prompt_id)},${row.prompt},${row.extra_data},${row.outputs_to_execute}]`;

const historyEntry = (row: HistoryRow): string =>
  `{"prompt":${promptTuple(row)},"outputs":${row.outputs},"status":${row.execution_status},"meta":${row.meta}}`;

const LISTED = 'prompt_id, number, status, create_time, workflow_id, start_time, end_time, summary';

/** A page of jobs, and how many there are in all. */
export function readJobs(
  db: JobDatabase,
  { statuses, workflowId, sortBy = 'created_at', sortOrder = 'desc', limit, offset = 0 }: JobQuery,
): { jobs: JobSummary[]; total: number } {
  const conditions = [
    ...(statuses ? ['status IN (SELECT value FROM json_each(?))'] : []),
    ...(workflowId === undefined ? [] : ['workflow_id = ?']),
  ];
  const values = [...(statuses ? [JSON.stringify(statuses)] : []), ...(workflowId === undefined ? [] : [workflowId])];
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
  const direction = sortOrder === 'asc' ? 'ASC' : 'DESC';
  const key = sortBy === 'created_at' ? 'create_time' : 'coalesce(end_time - start_time, 0)';
  const { total } = db.get<{ total: number }>(`SELECT count(*) AS total FROM jobs ${where}`, ...values)!;
  const rows = db.all<JobRow>(
    `SELECT ${LISTED} FROM jobs ${where} ORDER BY ${key} ${direction}, seq ${direction} LIMIT ? OFFSET ?`,
    ...[...values, limit ?? -1, Math.max(0, offset)],
  );
  return { jobs: rows.map(summaryOf), total };
}

/** A job with all its details. */
export function readJob(db: JobDatabase, promptId: string): JobDetail | undefined {
  const row = db.get<JobRow>('SELECT * FROM jobs WHERE prompt_id = ?', promptId);
  if (!row) return undefined;
  const read = (text: string | null | undefined) => parseJson(text ?? 'null');
  return {
    ...summaryOf(row),
    ...(row.outputs && { outputs: tidyOutputs(read(row.outputs) as NonNullable<JobDetail['outputs']>) }),
    ...(row.execution_status && {
      execution_status: read(row.execution_status) as NonNullable<JobDetail['execution_status']>,
    }),
    workflow: {
      prompt: read(row.prompt) as JobDetail['workflow']['prompt'],
      extra_data: read(row.extra_data) as JobDetail['workflow']['extra_data'],
    },
  };
}

const summaryOf = (row: JobRow): JobSummary => ({
  id: row.prompt_id,
  status: row.status,
  priority: row.number,
  create_time: row.create_time,
  ...(row.workflow_id !== null && { workflow_id: row.workflow_id }),
  ...(row.start_time !== null && { execution_start_time: row.start_time }),
  ...(row.end_time !== null && { execution_end_time: row.end_time }),
  ...(row.summary ? (parseJson(row.summary) as OutcomeSummary) : {}),
});

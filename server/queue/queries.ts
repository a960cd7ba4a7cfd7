// What the routes read from the database of jobs: queue, history, lists of jobs. The JSON in it is passed on as it is; a row
// that a fault of the disk has damaged is left out or shown without its details, and hides no other.
import type { UiOutput } from '../../schemas/events.ts';
import type { JobDetail, JobStatus, JobSummary } from '../../schemas/jobs.ts';
import { parseJson } from '../json.ts';
import { type JobDatabase, type SqlValue, text } from './database.ts';
import type { HistoryWindow, JobPlace, JobQuery } from './store.ts';
import { type OutcomeSummary, tidyOutputs } from './summary.ts';

/** Prompts that are read at once: each may be as large as a request. */
const PAGE = 50;

/** A text that can't be read is null. */
type Text = string | null;

interface PromptRow {
  readonly prompt_id: Text;
  readonly number: number;
  readonly prompt: Text;
  readonly extra_data: Text;
  readonly outputs_to_execute: Text;
}

interface HistoryRow extends PromptRow {
  readonly outputs: Text;
  readonly execution_status: Text;
  readonly meta: Text;
}

interface FinishedRow {
  readonly finished_seq: number;
}

interface JobRow extends Partial<HistoryRow> {
  readonly prompt_id: Text;
  readonly number: number;
  readonly status: JobStatus | null;
  readonly create_time: number;
  readonly workflow_id: string | null;
  readonly start_time: number | null;
  readonly end_time: number | null;
  readonly summary: string | null;
}

const PROMPT = `number, ${text('prompt_id', 'prompt', 'extra_data', 'outputs_to_execute')}`;

/** The queue as pieces of one JSON object (protocol: Queue). */
export function* readQueue(db: JobDatabase): Generator<string> {
  yield '{"queue_running":[';
  yield* queueItems(db, 'in_progress');
  yield '],"queue_pending":[';
  yield* queueItems(db, 'pending');
  yield ']}';
}

function* queueItems(db: JobDatabase, status: JobStatus): Generator<string> {
  const seqs = db
    .all<{ seq: number }>('SELECT seq FROM jobs WHERE status = ? ORDER BY number, prompt_id', status)
    .map(({ seq }) => seq);
  let separator = '';
  for (let at = 0; at < seqs.length; at += PAGE) {
    const page = JSON.stringify(seqs.slice(at, at + PAGE));
    for (const row of db.all<PromptRow>(PAGE_OF_QUEUE, page, status)) {
      if (!isReadable(row)) continue;
      yield separator + promptTuple(row);
      separator = ',';
    }
  }
}

const PAGE_OF_QUEUE = `SELECT ${PROMPT} FROM jobs WHERE seq IN (SELECT value FROM json_each(?)) AND status = ?
  ORDER BY number, jobs.prompt_id`;

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
      if (!isReadable(row)) continue;
      yield `${separator}${JSON.stringify(row.prompt_id)}:${historyEntry(row)}`;
      separator = ',';
    }
  }
  yield separator === '{' ? '{}' : '}';
}

const PAGE_OF_HISTORY = `SELECT ${PROMPT}, ${text('outputs', 'execution_status', 'meta')} FROM jobs
  WHERE finished_seq IN (SELECT value FROM json_each(?)) ORDER BY finished_seq`;

/** What the newest entries of the history showed, newest first. */
export function readOutputs(db: JobDatabase, maxItems: number): Readonly<Record<string, UiOutput>>[] {
  const sql = `SELECT ${text('outputs')} FROM jobs WHERE finished_seq IS NOT NULL ORDER BY finished_seq DESC LIMIT ?`;
  return db
    .all<Pick<HistoryRow, 'outputs'>>(sql, maxItems)
    .map(({ outputs }) => (readObject(outputs) ?? {}) as Readonly<Record<string, UiOutput>>);
}

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

/** All texts are there, and each begins and ends like JSON: bytes that a disk has lost are zeros. */
const isReadable = ({ prompt_id, ...row }: PromptRow): boolean =>
  prompt_id !== null &&
  Object.values(row).every(
    (value) =>
      typeof value === 'number' ||
      (value !== null && /^[{[]/.test(value) && /[}\]]$/.test(value) && !value.includes('\0')),
  );

const promptTuple = (row: PromptRow): string =>
  `[${row.number},${JSON.stringify(row.prompt_id)},${row.prompt},${row.extra_data},${row.outputs_to_execute}]`;

const historyEntry = (row: HistoryRow): string =>
  `{"prompt":${promptTuple(row)},"outputs":${row.outputs},"status":${row.execution_status},"meta":${row.meta}}`;

const LISTED = `number, create_time, start_time, end_time, ${text('prompt_id', 'status', 'workflow_id', 'summary')}`;
const DETAILS = `${LISTED}, ${text('prompt', 'extra_data', 'outputs', 'execution_status')}`;

/** A page of jobs, and how many there are in all. */
export function readJobs(
  db: JobDatabase,
  { sortBy = 'created_at', sortOrder = 'desc', limit, offset = 0, ...filters }: JobQuery,
): { jobs: JobSummary[]; total: number } {
  const { where, values } = conditionsOf(filters);
  const direction = sortOrder === 'asc' ? 'ASC' : 'DESC';
  const key = sortBy === 'created_at' ? 'create_time' : 'coalesce(end_time - start_time, 0)';
  const { total } = db.get<{ total: number }>(`SELECT count(*) AS total FROM jobs ${where}`, ...values)!;
  const rows = db.all<JobRow>(
    `SELECT ${LISTED} FROM jobs ${where} ORDER BY ${key} ${direction}, seq ${direction} LIMIT ? OFFSET ?`,
    ...[...values, limit ?? -1, Math.max(0, offset)],
  );
  return { jobs: rows.filter(hasName).map(summaryOf), total };
}

const AFTER = `(create_time < ? OR (create_time = ? AND seq < (SELECT seq FROM jobs WHERE prompt_id = ?)))`;
/** Each wanted entry is among those of the job. A text that a disk has damaged has none. */
const HAS_LABELS = `CASE WHEN json_valid(extra_data) THEN NOT EXISTS (SELECT 1 FROM json_each(?) AS wanted WHERE NOT EXISTS (
  SELECT 1 FROM json_each(extra_data, '$.job_metadata') AS has WHERE has.key = wanted.key AND has.value = wanted.value)) ELSE 0 END`;

function conditionsOf({ statuses, workflowId, after, labels }: JobQuery): { where: string; values: SqlValue[] } {
  const all: [condition: string, ...values: SqlValue[]][] = [];
  if (statuses) all.push(['status IN (SELECT value FROM json_each(?))', JSON.stringify(statuses)]);
  if (workflowId !== undefined) all.push(['workflow_id = ?', workflowId]);
  if (after) all.push([AFTER, after.createTime, after.createTime, after.promptId]);
  if (labels) all.push([HAS_LABELS, JSON.stringify(labels)]);
  const where = all.length > 0 ? `WHERE ${all.map(([condition]) => condition).join(' AND ')}` : '';
  return { where, values: all.flatMap(([, ...values]) => values) };
}

/** Where a job is. */
export function readPlace(db: JobDatabase, promptId: string): JobPlace | undefined {
  const row = db.get<{ status: JobStatus | null; ahead: number }>(PLACE, promptId);
  return row && row.status !== null ? { status: row.status, ahead: row.ahead } : undefined;
}

const PLACE = `SELECT ${text('status')}, CASE jobs.status WHEN 'pending' THEN (
    SELECT count(*) FROM jobs AS other WHERE other.status = 'pending'
      AND (other.number < jobs.number OR (other.number = jobs.number AND other.prompt_id < jobs.prompt_id))
  ) ELSE 0 END AS ahead FROM jobs WHERE jobs.prompt_id = ?`;

/** A job with all its details. */
export function readJob(db: JobDatabase, promptId: string): JobDetail | undefined {
  const row = db.get<JobRow>(`SELECT ${DETAILS} FROM jobs WHERE prompt_id = ?`, promptId);
  if (!row || !hasName(row)) return undefined;
  const outputs = readObject(row.outputs) as JobDetail['outputs'];
  const status = readObject(row.execution_status) as JobDetail['execution_status'];
  return {
    ...summaryOf(row),
    ...(outputs && { outputs: tidyOutputs(outputs) }),
    ...(status && { execution_status: status }),
    workflow: {
      prompt: (readObject(row.prompt) ?? {}) as JobDetail['workflow']['prompt'],
      extra_data: (readObject(row.extra_data) ?? {}) as JobDetail['workflow']['extra_data'],
    },
  };
}

/** undefined: there is none, or it can't be read. */
function readObject(json: Text | undefined): object | undefined {
  try {
    return json ? ((parseJson(json) as object | null) ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}

type NamedRow = JobRow & { readonly prompt_id: string; readonly status: JobStatus };
const hasName = (row: JobRow): row is NamedRow => row.prompt_id !== null && row.status !== null;

const summaryOf = (row: NamedRow): JobSummary => ({
  id: row.prompt_id,
  status: row.status,
  priority: row.number,
  create_time: row.create_time,
  ...(row.workflow_id !== null && { workflow_id: row.workflow_id }),
  ...(row.start_time !== null && { execution_start_time: row.start_time }),
  ...(row.end_time !== null && { execution_end_time: row.end_time }),
  ...(readObject(row.summary) as OutcomeSummary | undefined),
});

// A job ↔ its row in the database: prompt and extra data as JSON text, credentials apart.
import type { Job } from '../job.ts';
import { parseJson, stringifyJson } from '../json.ts';
import { text } from './database.ts';
import type { NewJob, TakenJob } from './store.ts';

/** Keys of extra_data that only the running node sees: never stored, never shown (protocol: Submitting a prompt). */
const CREDENTIALS = ['auth_token_comfy_org', 'api_key_comfy_org'];

export interface JobRow {
  readonly prompt: string;
  readonly extra_data: string;
  readonly outputs_to_execute: string;
  readonly exact: string | null;
  readonly client_id: string | null;
}

export interface TakenRow extends JobRow {
  readonly worker_deaths: number;
}

/** Selects what `fromRow` needs. */
export const TAKEN = `SELECT worker_deaths, ${text('prompt', 'extra_data', 'outputs_to_execute', 'exact', 'client_id')}
  FROM jobs WHERE prompt_id = ?`;

/** A job as columns. `exact`: prompt and extra data as one text if they hold NaN or infinities, which JSON lacks. */
export function toRow(job: NewJob, extraData: Readonly<Record<string, unknown>>): JobRow {
  const whole = [job.prompt, extraData];
  return {
    prompt: stringifyJson(job.prompt),
    extra_data: stringifyJson(extraData),
    outputs_to_execute: stringifyJson(job.outputsToExecute),
    exact: holdsNonFinite(whole) ? stringifyJson(whole, { nonFinite: 'keep' }) : null,
    client_id: job.clientId ?? null,
  };
}

function holdsNonFinite(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsNonFinite);
}

/** Throws if it can't be read. */
export function fromRow(promptId: string, row: TakenRow, secret: Readonly<Record<string, unknown>> = {}): TakenJob {
  if ([row.prompt, row.extra_data, row.outputs_to_execute].includes(null as never)) throw new Error('it is not UTF-8.');
  const [prompt, kept] = row.exact
    ? (parseJson(row.exact) as [Job['prompt'], Job['extraData']])
    : [parseJson(row.prompt) as Job['prompt'], parseJson(row.extra_data) as Job['extraData']];
  return {
    promptId,
    prompt,
    outputsToExecute: JSON.parse(row.outputs_to_execute) as string[],
    extraData: { ...kept, ...secret },
    clientId: row.client_id ?? undefined,
    workerDeaths: row.worker_deaths,
  };
}

/** `secret` is what only the running node sees. */
export function splitCredentials(extraData: Readonly<Record<string, unknown>>) {
  const entries = Object.entries(extraData);
  return {
    kept: Object.fromEntries(entries.filter(([key]) => !CREDENTIALS.includes(key))),
    secret: Object.fromEntries(entries.filter(([key]) => CREDENTIALS.includes(key))),
  };
}

/** `extra_pnginfo.workflow.id`; either may be null (protocol: Jobs). */
export function workflowId(extraData: Readonly<Record<string, unknown>>): string | undefined {
  const info = extraData.extra_pnginfo as { workflow?: { id?: unknown } | null } | null | undefined;
  const id = info?.workflow?.id;
  return typeof id === 'string' ? id : undefined;
}

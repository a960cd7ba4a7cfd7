// The body of POST /prompt → its fields, checked; and the errors of a body that cannot be one (comfy-api.md 2.1).
import { randomUUID } from 'node:crypto';
import type { PromptError } from '../../schemas/errors.ts';

export interface PromptFields {
  readonly prompt: unknown;
  readonly promptId: string;
  readonly clientId: string | undefined;
  readonly extraData: Record<string, unknown>;
  /** undefined: the next of the counter. */
  readonly number: number | undefined;
  readonly front: boolean;
  readonly targets: readonly string[] | undefined;
}

/** Ids are shown in lists, paths of URLs and logs. */
const MAX_ID_LENGTH = 200;

const refusal = (type: string, message: string, details: string): PromptError => ({
  type,
  message,
  details,
  extra_info: {},
});

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const duplicateId = (id: string): PromptError =>
  refusal(
    'invalid_prompt_id',
    'prompt_id is already in use',
    `A prompt ${id} is already in the queue or the history: send another id, or none.`,
  );

export const badBody = (details: string): PromptError => refusal('invalid_request', 'The request is invalid', details);

export const queueFull = (limit: number): PromptError =>
  refusal('queue_full', 'The queue is full', `${limit} prompts are waiting: try again when some have run.`);

export const queueUnavailable = (details: string): PromptError =>
  refusal('queue_unavailable', 'The prompt could not be stored', details);

/** Number, front and extra_data come first: a prompt without a graph counts as well. */
export function readFields(body: unknown): PromptFields | { readonly error: PromptError } {
  if (!isRecord(body)) return { error: badBody('The body must be a JSON object with the key "prompt".') };
  const { client_id: clientId, partial_execution_targets: targets } = body;
  const number = readNumber(body.number);
  if (number !== undefined && !Number.isFinite(number)) return { error: badBody('number must be a number.') };
  const promptId = readId(body.prompt_id);
  if (promptId === undefined) {
    return {
      error: refusal(
        'invalid_prompt_id',
        'prompt_id must be a valid UUID',
        `prompt_id may also be another text of 1 to ${MAX_ID_LENGTH} characters without control characters.`,
      ),
    };
  }
  if (body.extra_data !== undefined && body.extra_data !== null && !isRecord(body.extra_data)) {
    return { error: badBody('extra_data must be an object.') };
  }
  if (clientId !== undefined && clientId !== null && typeof clientId !== 'string') {
    return { error: badBody('client_id must be a string.') };
  }
  if (targets !== undefined && targets !== null && !isStrings(targets)) {
    return { error: badBody('partial_execution_targets must be a list of node ids.') };
  }
  const extraData = { ...(body.extra_data ?? {}), ...(clientId ? { client_id: clientId } : {}) };
  const addressee = (extraData as { client_id?: unknown }).client_id;
  return {
    prompt: body.prompt,
    promptId,
    clientId: typeof addressee === 'string' && addressee !== '' ? addressee : undefined,
    extraData,
    number,
    front: Boolean(body.front),
    targets: targets ?? undefined,
  };
}

export const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((entry) => typeof entry === 'string');

/** undefined where none came, NaN where it is none: Number() throws at objects whose toString is not one. */
function readNumber(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'object' || value === '' ? Number.NaN : Number(value);
}

/** A new id where none came; undefined where it cannot be one. Newest ComfyUI wants UUIDs, older clients send any text. */
function readId(value: unknown): string | undefined {
  if (value === undefined || value === null) return randomUUID();
  const id = typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
  if (typeof id !== 'string' || id.length === 0 || id.length > MAX_ID_LENGTH) return undefined;
  return /[\p{Cc}\p{Cs}]/u.test(id) ? undefined : id;
}

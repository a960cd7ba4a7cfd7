// The body of POST /prompt → its fields; and the errors of a body that has to be refused (protocol: Submitting a prompt).
import { randomUUID } from 'node:crypto';
import type { PromptError } from '../../schemas/errors.ts';
import { MAX_ID_LENGTH, promptRequest } from '../../schemas/prompt.ts';
import { noPrompt } from '../validate/problems.ts';

export interface PromptFields {
  /** The graph, of unknown shape. */
  readonly prompt: unknown;
  readonly promptId: string;
  readonly clientId: string | undefined;
  readonly extraData: Record<string, unknown>;
  /** undefined: the next of the counter. */
  readonly number: number | undefined;
  readonly front: boolean;
  readonly targets: readonly string[] | undefined;
}

const refusal = (type: string, message: string, details: string): PromptError => ({
  type,
  message,
  details,
  extra_info: {},
});

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

/** Key of the body that is wrong → the error that says so; '' is the body itself. */
const PROBLEMS: Readonly<Record<string, () => PromptError>> = {
  '': () => badBody('The body must be a JSON object with the key "prompt".'),
  number: () => badBody('number must be a number.'),
  prompt_id: () =>
    refusal(
      'invalid_prompt_id',
      'prompt_id must be a valid UUID',
      `prompt_id may also be another text of 1 to ${MAX_ID_LENGTH} characters without control characters.`,
    ),
  extra_data: () => badBody('extra_data must be an object.'),
  client_id: () => badBody('client_id must be a string.'),
  partial_execution_targets: () => badBody('partial_execution_targets must be a list of node ids.'),
  prompt: noPrompt,
};

/** Reads a body with the schema that /schemas/prompt-request.json shows. */
export function readFields(body: unknown): PromptFields | { readonly error: PromptError } {
  const { data, error } = promptRequest.safeParse(body);
  if (error) return { error: PROBLEMS[String(error.issues[0].path[0] ?? '')]() };
  const { client_id: clientId } = data;
  const extraData: Record<string, unknown> = { ...data.extra_data, ...(clientId && { client_id: clientId }) };
  const addressee = extraData.client_id;
  return {
    prompt: data.prompt,
    promptId: data.prompt_id ?? randomUUID(),
    clientId: typeof addressee === 'string' && addressee !== '' ? addressee : undefined,
    extraData,
    number: data.number ?? undefined,
    front: Boolean(data.front),
    targets: data.partial_execution_targets ?? undefined,
  };
}

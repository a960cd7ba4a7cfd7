// The body of POST /api/v2/jobs → its fields, and a prompt that can run; or what is wrong with it (protocol: Jobs of API v2).
import { z } from 'zod';
import { v2Labels } from '../../../../schemas/api-v2.ts';
import type { NodeErrors, PromptError } from '../../../../schemas/errors.ts';
import { isRecord } from '../../../../schemas/record.ts';
import { type Validation, validatePrompt } from '../../../validate/validate-prompt.ts';
import { ApiError } from '../../envelope.ts';
import { resolveReferences } from './asset-references.ts';
import type { ApiV2Deps } from './deps.ts';

export interface Submission {
  /** As it came, of unknown shape. */
  readonly workflow: Readonly<Record<string, unknown>>;
  readonly extraData: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, string>> | undefined;
}

/** For features to come: who sends them expects what we don't do. */
const RESERVED = ['webhook_url', 'inputs'];

const invalidRequest = (message: string): ApiError => new ApiError('invalid_request', message, { status: 422 });
const invalidWorkflow = (message: string, details?: Readonly<Record<string, unknown>>): ApiError =>
  new ApiError('invalid_workflow', message, { details });

/** Throws ApiError 422: invalid_request, invalid_workflow, workflow_format_ui. */
export function readSubmission(body: unknown): Submission {
  if (!isRecord(body)) throw invalidRequest('The body must be a JSON object with the key "workflow".');
  const reserved = RESERVED.find((key) => body[key] !== undefined && body[key] !== null);
  if (reserved) throw invalidRequest(`"${reserved}" is reserved and not accepted.`);
  const { workflow, extra_data: extraData = null, metadata = null } = body;
  if (!isRecord(workflow))
    throw invalidWorkflow('"workflow" must be a graph in API format: an object of node ids and nodes.');
  if (Array.isArray(workflow.nodes) && 'links' in workflow)
    throw new ApiError(
      'workflow_format_ui',
      'This is a graph as an editor saves it; export it in API format and send that.',
    );
  if (extraData !== null && !isRecord(extraData)) throw invalidRequest('"extra_data" must be an object.');
  const labels = v2Labels.nullable().safeParse(metadata);
  if (!labels.success) throw invalidRequest(`"metadata" must hold short texts: ${z.prettifyError(labels.error)}`);
  return { workflow, extraData: extraData ?? {}, metadata: labels.data ?? undefined };
}

/**
 * Resolves assets and validates. Unlike POST /prompt it takes a graph only as a whole: nobody would see that an output was left out.
 * Throws ApiError 422: missing_asset, invalid_workflow with node_errors.
 */
export async function validateSubmission(
  workflow: Submission['workflow'],
  deps: ApiV2Deps,
): Promise<Pick<Validation, 'prompt' | 'outputs'>> {
  const { prompt, outputs, nodeErrors, error } = await validatePrompt(await resolveReferences(workflow, deps), deps);
  if (!error && Object.keys(nodeErrors).length === 0) return { prompt, outputs };
  throw invalidWorkflow(sentenceOf(nodeErrors, error), { node_errors: { ...ofGraph(error), ...ofNodes(nodeErrors) } });
}

interface Problem {
  readonly field: string | null;
  readonly reason: string;
  readonly message: string;
}

const textOf = ({ message, details }: PromptError): string => (details === '' ? message : `${message}: ${details}`);

function ofNodes(nodeErrors: NodeErrors): Record<string, Problem[]> {
  const problem = (error: PromptError): Problem => {
    const { input_name: field } = error.extra_info;
    return { field: typeof field === 'string' ? field : null, reason: error.type, message: textOf(error) };
  };
  return Object.fromEntries(Object.entries(nodeErrors).map(([id, { errors }]) => [id, errors.map(problem)]));
}

/** An unknown class is an error of the whole graph, but it names its node. */
function ofGraph(error: PromptError | undefined): Record<string, Problem[]> {
  const id = error?.extra_info.node_id;
  if (!error || typeof id !== 'string') return {};
  return { [id]: [{ field: 'class_type', reason: error.type, message: textOf(error) }] };
}

function sentenceOf(nodeErrors: NodeErrors, error: PromptError | undefined): string {
  const [first] = Object.entries(nodeErrors);
  if (!first) return error ? textOf(error) : 'The workflow is invalid.';
  const [id, { errors, class_type: classType }] = first;
  return `Node ${id} (${classType}): ${textOf(errors[0])}`;
}

// One graph → its outcome, without sockets or a queue: what `pez-nodes run` does, on the server's own validation, worker
// and executor.
import { randomUUID } from 'node:crypto';
import { invalid } from '../engine/check.ts';
import { InputError } from '../engine/errors.ts';
import type { NodeErrors, PromptError } from '../schemas/errors.ts';
import type { ExecutionEvent } from '../schemas/events.ts';
import type { ApiGraph } from '../schemas/prompt.ts';
import type { Environment, ModelOptions } from './environment.ts';
import type { JobOutcome } from './job.ts';
import type { ServerOptions } from './options.ts';
import { validatePrompt } from './validate/validate-prompt.ts';
import { startWorkerHost } from './worker/host.ts';

export interface OneRun {
  readonly environment: Environment;
  readonly options: Pick<ServerOptions, 'dataDir' | 'packDirs'> & Partial<Pick<ServerOptions, 'device'>> & ModelOptions;
  readonly onEvent: (event: ExecutionEvent) => void;
  /** Lines that the worker and its nodes write. */
  readonly onLog: (level: 'info' | 'warn' | 'error', message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Validates a graph in API format and runs it in a worker process of its own.
 * Throws GRAPH_INVALID with every error of the graph; what fails while it runs is in the outcome.
 */
export async function runOnce(
  graph: ApiGraph,
  { environment, options, onEvent, onLog, signal }: OneRun,
): Promise<JobOutcome> {
  const { prompt, outputs, nodeErrors, error } = await validatePrompt(graph, environment);
  if (error || Object.keys(nodeErrors).length > 0) throw new InputError('GRAPH_INVALID', describe(error, nodeErrors));
  const { dataDir, packDirs, device, clip, checkpoint, allowHub } = options;
  const models = { places: environment.places, device, clip, checkpoint, allowHub };
  const host = startWorkerHost({ dataDir, packDirs, cache: 'none', writeMetadata: true, ...models, onLog });
  const interrupt = () => host.interrupt();
  signal.addEventListener('abort', interrupt);
  try {
    signal.throwIfAborted();
    return await host.run({ promptId: randomUUID(), prompt, outputsToExecute: outputs, extraData: {} }, onEvent);
  } finally {
    signal.removeEventListener('abort', interrupt);
    await host.stop();
  }
}

const NUMBERS: Readonly<Record<string, string>> = { INT: 'a whole number', FLOAT: 'a number' };

/** In ComfyUI's words, which clients know; but these say how Python failed where a value can't be converted. */
function describeProblem({ type, message, details, extra_info }: PromptError): string {
  const { input_name: name, input_config: config, received_value: value } = extra_info as Partial<InputProblem>;
  if (type !== 'invalid_input_type' || name === undefined) return `${message}${details && `: ${details}`}`;
  const declared = String(config?.[0]);
  return invalid(name, NUMBERS[declared] ?? `of type ${declared}`, value).message.replace(/\.$/, '');
}

interface InputProblem {
  readonly input_name: string;
  readonly input_config: readonly unknown[];
  readonly received_value: unknown;
}

/** Every error, a line each. */
function describe(error: PromptError | undefined, nodeErrors: NodeErrors): string {
  const lines = Object.entries(nodeErrors).flatMap(([id, { class_type, errors }]) =>
    errors.map((problem) => `  node ${id} (${class_type}): ${describeProblem(problem)}`),
  );
  if (lines.length > 0) return `The graph cannot run:\n${lines.join('\n')}`;
  return `The graph cannot run: ${error?.message}${error?.details && ` (${error.details})`}`;
}

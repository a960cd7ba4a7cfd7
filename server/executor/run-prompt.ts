// One prompt from execution_start to its end: prepare, run the nodes, report how it ended.
import type { UiOutput } from '../../schemas/events.ts';
import type { Job, JobOutcome } from '../job.ts';
import { describeFailure, type NodeFailure } from './failure.ts';
import {
  createPromptState,
  type PromptOptions,
  type PromptState,
  restoreCached,
  settleRestored,
} from './prompt-state.ts';
import { Reporter } from './reporter.ts';
import { runNodes } from './run-nodes.ts';
import { NodeVisitor } from './visit-node.ts';

/** Runs a prompt. Never rejects: what a node throws, or what its graph makes us throw, is the outcome's `error`. */
export async function runPrompt(options: PromptOptions): Promise<JobOutcome> {
  const { job, emit, lookForInterrupt } = options;
  const reporter = new Reporter({ promptId: job.promptId, emit, lookForInterrupt });
  reporter.record('execution_start', { timestamp: Date.now() });
  let status: JobOutcome['status'];
  try {
    status = await runReported(options, reporter);
  } catch (thrown) {
    reportWhole(job, reporter, thrown);
    status = 'error';
  }
  const { outputs, meta, messages } = reporter;
  return {
    status,
    outputs: Object.fromEntries(outputs),
    meta: Object.fromEntries(meta),
    messages,
  };
}

async function runReported(options: PromptOptions, reporter: Reporter): Promise<JobOutcome['status']> {
  const prompt = createPromptState(options, reporter);
  try {
    return await runToEnd(prompt, options.signal);
  } finally {
    prompt.memory.end();
  }
}

async function runToEnd(prompt: PromptState, interrupted: AbortSignal): Promise<JobOutcome['status']> {
  const toShow = await prepare(prompt);
  const visitor = new NodeVisitor(prompt);
  const status = await runNodes(prompt, {
    visit: (id) => visitor.visit(id),
    onFailure: (failure) => {
      const reason = interrupted.aborted ? 'interrupted' : 'error';
      reportFailure(prompt, failure, reason);
      prompt.stop(new Error('Another node of the prompt failed.'));
      return reason;
    },
  });
  if (status === 'success') reportSuccess(prompt, toShow);
  return status;
}

/**
 * Restores the cached results and schedules the roots. Gives what cached nodes show in addition to the outputs
 * (PEZ Invert's search): it is announced again before the prompt ends.
 */
async function prepare(prompt: PromptState): Promise<Map<string, UiOutput>> {
  const { job, graph, registry, schedule, store, cache, reporter } = prompt;
  const findable = await cache.begin();
  store.track(job.outputsToExecute);
  const cached = await restoreCached(prompt, findable);
  reporter.record('execution_cached', { nodes: cached, timestamp: Date.now() });
  for (const id of job.outputsToExecute) schedule.add(id);
  const toShow = new Map<string, UiOutput>();
  for (const id of cached) {
    const { ui } = store.get(id)!;
    const definition = registry.get(graph.need(id).classType)?.definition;
    if (ui && definition?.hasIntermediateOutput && !schedule.has(id)) toShow.set(id, ui);
  }
  await settleRestored(prompt, cached);
  return toShow;
}

function reportFailure(
  { graph, store, reporter, executed }: PromptState,
  { nodeId, cause, inputs }: NodeFailure,
  reason: 'error' | 'interrupted',
): void {
  const node = graph.need(nodeId);
  const common = {
    node_id: node.real,
    node_type: graph.need(node.real).classType,
    executed: [...executed],
    timestamp: Date.now(),
  };
  if (reason === 'interrupted') {
    reporter.record('execution_interrupted', common);
    return;
  }
  reporter.setState(node, 'error');
  reporter.record('execution_error', {
    ...common,
    ...describeFailure(cause),
    current_inputs: inputs,
    current_outputs: [...store.everSet],
  });
}

/** Something outside of the nodes failed: the first output is named, as clients need a node. */
function reportWhole({ prompt, outputsToExecute: [node_id = ''] }: Job, reporter: Reporter, thrown: unknown): void {
  reporter.record('execution_error', {
    node_id,
    node_type: Object.hasOwn(prompt, node_id) ? prompt[node_id].class_type : '',
    executed: [],
    ...describeFailure(thrown),
    current_inputs: {},
    current_outputs: [],
    timestamp: Date.now(),
  });
}

function reportSuccess({ graph, cache, reporter }: PromptState, toShow: ReadonlyMap<string, UiOutput>): void {
  cache.settle();
  for (const [id, ui] of toShow) if (!reporter.outputs.has(id)) reporter.executed(graph.need(id), ui);
  reporter.record('execution_success', { timestamp: Date.now() });
}

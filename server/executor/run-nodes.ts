// Takes ready nodes from the schedule, keeps some under way at once, and stops at the first failure.
import type { JobOutcome } from '../job.ts';
import { DependencyCycleError, NodeFailure } from './failure.ts';
import type { PromptState } from './prompt-state.ts';
import { Turns } from './turns.ts';

/** Nodes that may be under way at once: while one waits for a download, others go on; each may hold pictures. */
const MAX_RUNNING_NODES = 4;

interface LoopHooks {
  /** Visits a node; afterwards it is finished or back in the schedule. Rejects with NodeFailure. */
  visit(id: string): Promise<void>;
  /** Called once, with the first failure, while other nodes may still run; says how the prompt ends. */
  onFailure(failure: NodeFailure): 'error' | 'interrupted';
}

/** Runs the scheduled nodes until all are done, or one fails and the others that run have ended. */
export async function runNodes(
  prompt: Pick<PromptState, 'schedule' | 'graph' | 'reporter'>,
  hooks: LoopHooks,
): Promise<JobOutcome['status']> {
  const { schedule, reporter } = prompt;
  const turns = new Turns();
  const running = new Map<string, Promise<void>>();
  let status: JobOutcome['status'] = 'success';
  const fail = (failure: NodeFailure) => {
    if (status === 'success') status = hooks.onFailure(failure);
  };
  const start = (id: string): Promise<void> => {
    const task = hooks.visit(id).then(
      () => void running.delete(id),
      (thrown) => {
        running.delete(id);
        fail(thrown as NodeFailure);
      },
    );
    running.set(id, task);
    return task;
  };
  while (schedule.size > 0 && status === 'success') {
    const id = running.size < MAX_RUNNING_NODES ? schedule.take() : undefined;
    if (id !== undefined) {
      // A node that does not wait for anything ends here, before the next one starts.
      await Promise.race([start(id), turns.take()]);
      if (running.has(id) || turns.due) reporter.flush();
      if (turns.due) await turns.take();
    } else if (running.size > 0) await Promise.race(running.values());
    else fail(cycleFailure(prompt));
  }
  await Promise.all(running.values());
  return status;
}

/** Nodes are left, none is ready and none runs: they wait for each other. */
function cycleFailure({ schedule, graph }: Pick<PromptState, 'schedule' | 'graph'>): NodeFailure {
  const cycle = schedule.cycle();
  const path = cycle.map((id) => `${id} (${graph.need(id).classType})`).join(' -> ');
  return new NodeFailure(cycle[0], new DependencyCycleError(`Dependency cycle detected: ${path}`), {});
}

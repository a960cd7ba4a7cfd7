// Takes ready nodes from the schedule, keeps some under way at once, and stops at the first failure.
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobOutcome } from '../job.ts';
import { MAX_CALLS } from './admission.ts';
import { DependencyCycleError, NodeFailure } from './failure.ts';
import type { PromptState } from './prompt-state.ts';
import { Turns } from './turns.ts';

/** How often the loop looks whether an asynchronous node may start beside those that run. */
const LOOK_EVERY_MS = 1;

interface LoopHooks {
  /** Visits a node; afterwards it is finished or back in the schedule. Rejects with NodeFailure. */
  visit(id: string): Promise<void>;
  /** Called once, with the first failure, while other nodes may still run; says how the prompt ends. */
  onFailure(failure: NodeFailure): 'error' | 'interrupted';
}

/** Runs the scheduled nodes until all are done, or one fails and the others that run have ended. */
export async function runNodes(
  prompt: Pick<PromptState, 'schedule' | 'graph' | 'reporter' | 'admission'>,
  hooks: LoopHooks,
): Promise<JobOutcome['status']> {
  const { schedule, reporter, admission } = prompt;
  const turns = new Turns();
  const running = new Map<string, Promise<void>>();
  let status: JobOutcome['status'] = 'success';
  const fail = (failure: NodeFailure) => {
    if (status === 'success') status = hooks.onFailure(failure);
  };
  let wake = (): void => undefined;
  const leave = (id: string): void => {
    running.delete(id);
    wake();
  };
  const start = (id: string): Promise<void> => {
    const task = hooks.visit(id).then(
      () => leave(id),
      (thrown) => {
        leave(id);
        fail(thrown as NodeFailure);
      },
    );
    running.set(id, task);
    return task;
  };
  while (schedule.size > 0 && status === 'success') {
    const id = running.size < MAX_CALLS ? schedule.take({ async: admission.isOpen }) : undefined;
    if (id !== undefined) {
      // A node that does not wait for anything ends here, before the next one starts.
      await Promise.race([start(id), turns.take()]);
      if (running.has(id) || turns.due) reporter.flush();
      if (turns.due) await turns.take();
    } else if (running.size > 0) {
      const ended = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await (schedule.hasReady ? Promise.race([ended, sleep(LOOK_EVERY_MS)]) : ended);
    } else fail(cycleFailure(prompt));
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

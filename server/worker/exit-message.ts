// How a worker process ended → the sentence that the user reads in execution_error.
import type { WorkerEnd } from './process.ts';

const NEXT = 'The next prompt runs in a fresh worker.';

/**
 * `exception_type` and message for a worker's end. `WorkerOutOfMemory`, `WorkerException` (uncaught), `WorkerKilled`,
 * `WorkerExited`; `WorkerNotStarted` if it was never ready.
 */
export function describeEnd(
  { code, signal, endedBecause, fatal, lastLines }: WorkerEnd,
  wasReady: boolean,
): { readonly type: string; readonly message: string; readonly traceback: string[] } {
  const traceback = fatal ? fatal.stack.split('\n') : [...lastLines];
  const outOfHeap = lastLines.some((line) =>
    /heap out of memory|Allocation failed|ERR_WORKER_OUT_OF_MEMORY/.test(line),
  );
  const byUs = endedBecause && `was ended by this server, because ${endedBecause}`;
  const how = byUs ?? (signal ? `was ended by ${signal}` : `exited with code ${code}`);
  if (!wasReady) {
    const why =
      fatal?.message ?? lastLines.find((line) => /error/i.test(line)) ?? lastLines.at(-1) ?? 'it printed nothing';
    return { type: 'WorkerNotStarted', message: `The worker process could not start (it ${how}): ${why}`, traceback };
  }
  if (outOfHeap)
    return {
      type: 'WorkerOutOfMemory',
      message: `The worker process ran out of memory (it ${how}): use smaller pictures or batches. ${NEXT}`,
      traceback,
    };
  if (fatal)
    return {
      type: 'WorkerException',
      message: `The worker process ended because of an uncaught exception: ${fatal.message}. ${NEXT}`,
      traceback,
    };
  const probably = signal === 'SIGKILL' && !byUs ? ', probably because the computer ran out of memory' : '';
  return {
    type: signal ? 'WorkerKilled' : 'WorkerExited',
    message: `The worker process ${how}${probably}. ${NEXT}`,
    traceback,
  };
}

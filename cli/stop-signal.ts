// Ctrl-C → an AbortSignal: the first asks the work to end with what it has, the second ends the process.

/** Exit code of a process that SIGINT ended: 128 + 2. */
export const INTERRUPTED = 130;

/** Installs the handler; call `release` when the work is over. `says`: what the first Ctrl-C is answered with. */
export function watchInterrupt(says = 'Stopping with the best so far'): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const onInterrupt = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    process.stderr.write(`\n${says}; Ctrl-C again quits at once.\n`);
    controller.abort();
  };
  process.on('SIGINT', onInterrupt);
  return { signal: controller.signal, release: () => process.off('SIGINT', onInterrupt) };
}

// Ctrl-C → an AbortSignal: the first one asks the work to finish with what it has, the second ends the process.

/** Exit code of a process that SIGINT ended: 128 + 2. */
export const INTERRUPTED = 130;

/** Installs the handler; call `release` when the work is over. `message`: what the first Ctrl-C prints. */
export function watchInterrupt(message = 'Stopping with the best so far'): {
  signal: AbortSignal;
  release: () => void;
} {
  const controller = new AbortController();
  const onInterrupt = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    process.stderr.write(`\n${message}; Ctrl-C again quits at once.\n`);
    controller.abort();
  };
  process.on('SIGINT', onInterrupt);
  return { signal: controller.signal, release: () => process.off('SIGINT', onInterrupt) };
}

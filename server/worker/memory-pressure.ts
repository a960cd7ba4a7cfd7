// When the computer's memory runs out, the kernel ends some process: let it be this one, not the server or another program.
import { writeFileSync } from 'node:fs';

/** The highest score that Linux knows: this process first. Its children inherit it. */
const FIRST = '1000';

/** On Linux; elsewhere, and where it is not allowed, nothing happens. */
export function yieldToMemoryPressure(): void {
  if (process.platform !== 'linux') return;
  try {
    writeFileSync('/proc/self/oom_score_adj', FIRST);
  } catch {
    // a sandbox without /proc
  }
}

// A process that answers a JSON object a line: one question at a time.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Which of them an answer has depends on the question. */
type Answer = Record<'seconds' | 'peak' | 'text' | 'picture' | 'pez', number>;

export interface WeightsWorker {
  /** Rejects when the process ends instead. */
  ask(question: Readonly<Record<string, string | number>>): Promise<Answer>;
  end(): Promise<void>;
}

/** Rejects if the process ends before it says that it is ready. */
export async function startWorker(command: string, args: readonly string[]): Promise<WeightsWorker> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const failed = once(child, 'error').then(([error]) => Promise.reject(error));
  // Nobody waits for it between questions.
  failed.catch(() => undefined);
  const next = async (): Promise<Answer> => {
    const { value, done } = await Promise.race([lines.next(), failed]);
    if (done) throw new Error(`${command} ended without an answer.`);
    return JSON.parse(value);
  };
  await next();
  return {
    ask(question) {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      return next();
    },
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

// Starts the server as users do: the built command, in a process of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface BuiltServer {
  readonly url: string;
  close(): Promise<void>;
}

const command = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/** `pez-nodes serve` on a free port. Rejects with what it printed if it does not start. */
export async function startBuiltServer(dataDir: string): Promise<BuiltServer> {
  const args = [command, 'serve', '--port', '0', '--data-dir', dataDir];
  const server: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(server, 'exit');
  let printed = '';
  const url = await new Promise<string>((resolve, reject) => {
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      const [, found] = /listens on (\S+)$/m.exec(printed) ?? [];
      if (found) resolve(found);
    });
    ended.then(() => reject(new Error(printed)), reject);
  });
  return {
    url,
    async close() {
      server.kill('SIGTERM');
      await ended;
    },
  };
}

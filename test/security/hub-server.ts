// A server in a process of its own whose hub is on loopback, with a token for it, and with the nodes of both test packs.
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerOptions } from '../../server/options.ts';
import { type Json, testPack } from '../helpers/server.ts';
import { type ServerProcess, startServerProcess } from '../helpers/server-process.ts';
import type { Mirror } from '../hub/hub-mirror.ts';

const apiPack = join(import.meta.dirname, '../fixtures/api-pack');

export interface HubServer extends ServerProcess {
  readonly dataDir: string;
  get(path: string): Promise<Json>;
  post(path: string, body: object): Promise<{ status: number; body: Json }>;
  /** Runs a prompt to its end; its history. */
  run(prompt: object): Promise<Json>;
}

/** Starts one; its data folder and the hub's cache are made in the folder `outside`. */
export async function startHubServer(
  { endpoint }: Pick<Mirror, 'endpoint'>,
  outside: string,
  options: Partial<ServerOptions> = {},
): Promise<HubServer> {
  const dataDir = mkdtempSync(join(outside, 'data-'));
  const environment = `export HF_ENDPOINT=${endpoint} HF_HOME=${outside}/home HF_TOKEN=hf_secret HF_HUB_OFFLINE=0`;
  const process = await startServerProcess(
    { dataDir, packDirs: [testPack, apiPack], ...options },
    { shell: environment },
  );
  const get = async (path: string): Promise<Json> => (await fetch(process.url + path)).json();
  const post = async (path: string, body: object) => {
    const answer = await fetch(process.url + path, { method: 'POST', body: JSON.stringify(body) });
    return { status: answer.status, body: (await answer.json()) as Json };
  };
  const run = async (prompt: object): Promise<Json> => {
    const { status, body } = await post('/prompt', { prompt });
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
    for (;;) {
      const entry = (await get(`/history/${body.prompt_id}`))[body.prompt_id];
      if (entry) return entry;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return { ...process, dataDir, get, post, run };
}

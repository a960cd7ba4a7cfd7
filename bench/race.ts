// Servers in turns on the same trivial graphs: prompts per second, time to success, processor time. Any server of ComfyUI's protocol can run.
import { median } from './clock.ts';
import { findListener, processorMs } from './process-time.ts';
import { connectClient, type PromptClient } from './prompt-client.ts';
import type { Row } from './table.ts';

const ROUNDS = 3;
/** Before the first round: what a server makes at first use, compiled code included, is there. */
const WARM_UP = 1_000;
const PROMPTS = 200;
const SINGLES = 30;

export interface Racer {
  readonly name: string;
  /** `http://127.0.0.1:8188` */
  readonly url: string;
}

/**
 * Three rounds in turns, after 1,000 prompts that are not measured. A round: 200 prompts, each POSTed when the one before has its answer (last `execution_success` minus
 * first POST), then 30 single ones, each POSTed when nothing runs (medians). One row per server and round.
 */
export async function race(racers: readonly Racer[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const racer of racers)
    await withClient(racer, async (client) => {
      await runSingle(client, 0); // the worker has started
      await runMany(client, WARM_UP, 1_000_000);
    });
  for (let round = 1; round <= ROUNDS; round++) {
    for (const racer of racers) {
      const row = await withClient(racer, (client) => runRound(racer, client, round));
      rows.push({ server: racer.name, round, ...row });
    }
  }
  return rows;
}

async function withClient<T>({ url }: Racer, work: (client: PromptClient) => Promise<T>): Promise<T> {
  const client = await connectClient(url, 'race');
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

async function runRound({ url }: Racer, client: PromptClient, round: number): Promise<Row> {
  const pid = findListener(Number(new URL(url).port));
  const usedMs = () => (pid === undefined ? undefined : processorMs(pid)) ?? Number.NaN;
  const before = usedMs();
  const totalMs = await runMany(client, PROMPTS, round * 10_000);
  const processorPerPrompt = (usedMs() - before) / PROMPTS;
  const singles = [];
  for (let i = 0; i < SINGLES; i++) singles.push(await runSingle(client, round * 10_000 + PROMPTS + i));
  return {
    'prompts/s': ((1000 * PROMPTS) / totalMs).toFixed(0),
    'answer ms': median(singles.map(({ answerMs }) => answerMs)).toFixed(1),
    'success ms': median(singles.map(({ successMs }) => successMs)).toFixed(1),
    'CPU ms per prompt': Number.isNaN(processorPerPrompt) ? '–' : processorPerPrompt.toFixed(2),
  };
}

/** Milliseconds from the first POST to the last success. */
async function runMany(client: PromptClient, count: number, first: number): Promise<number> {
  let left = count;
  const ended = new Promise<void>((resolve) => {
    client.onMessage = ({ type }) => {
      if (type === 'execution_success' && --left === 0) resolve();
    };
  });
  const started = performance.now();
  for (let i = 0; i < count; i++) await client.post(first + i);
  await ended;
  return performance.now() - started;
}

/** Milliseconds from the POST to its answer and to the success; resolves when the server is idle again. */
async function runSingle(client: PromptClient, number: number): Promise<{ answerMs: number; successMs: number }> {
  let successAt = 0;
  const ended = new Promise<void>((resolve) => {
    client.onMessage = ({ type, data }) => {
      if (type === 'execution_success') successAt = performance.now();
      if (type === 'executing' && data.node === null) resolve();
    };
  });
  const started = performance.now();
  await client.post(number);
  const answerMs = performance.now() - started;
  await ended;
  return { answerMs, successMs: successAt - started };
}

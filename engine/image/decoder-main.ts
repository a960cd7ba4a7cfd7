// The decoder process: tasks as lines of JSON on stdin, answers on stdout, one after another. It is told its limit of memory
// and ends when it passes it; its parent ends it when it takes too long.
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import sharp from 'sharp';
import { InputError } from '../errors.ts';
import { writeError, writeResult } from './decoder-reply.ts';
import { type DecoderTask, runTask } from './decoder-task.ts';

const LOOK_EVERY_MS = 20;
const MEBIBYTE = 2 ** 20;

// The loaders of the kinds in picture-kind.ts; everything else that libvips could load stays closed, whatever a file looks like.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Png', 'Jpeg', 'Webp', 'Nsgif', 'Tiff', 'Heif'].map((kind) => `VipsForeignLoad${kind}`),
});
sharp.cache(false);

/** process.exit would wait for the threads that decode. */
const end = () => process.kill(process.pid, 'SIGKILL');

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined); // the parent says when to end
if (process.platform === 'linux') {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000'); // of all processes, this is the one to end first
  } catch {
    // then the kernel chooses as it does otherwise
  }
}

const maxBytes = Number(process.argv[2]);
/** The picture that is being decoded, for messages; undefined while there is none: an answer on its way must not be interrupted. */
let name: string | undefined;
setInterval(() => {
  if (name === undefined || process.memoryUsage.rss() <= maxBytes) return;
  const limit = `${Math.round(maxBytes / MEBIBYTE)} MiB`;
  const error = new InputError('IMAGE_TOO_LARGE', `${name} takes more than ${limit} of memory to decode.`);
  name = undefined;
  void writeError(process.stdout, error, { isLast: true }).finally(end);
}, LOOK_EVERY_MS);

async function answer(task: DecoderTask): Promise<void> {
  name = 'name' in task ? task.name : 'The picture with its mask';
  try {
    const result = await runTask(task);
    if (name === undefined) return; // given up a moment ago
    name = undefined;
    await writeResult(process.stdout, result);
  } catch (error) {
    if (name !== undefined) await writeError(process.stdout, error);
  } finally {
    name = undefined;
  }
}

process.stdout.on('error', end); // the parent has gone
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => void answer(JSON.parse(line)));
lines.on('close', end); // the parent has gone, or needs this process no longer
await writeResult(process.stdout, { info: { ready: true }, bytes: [] });

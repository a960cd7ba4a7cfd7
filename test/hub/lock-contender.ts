// A process that takes a folder's lock whenever its parent says so, and tells what it saw while it had it.
import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from '../../engine/hub/lock.ts';

const dir = process.argv[2];

/** Two that are inside at once would both make this file. */
const inside = join(dir, 'inside');

process.on('message', async () => {
  const said = await withLock(dir, {}, async () => {
    try {
      closeSync(openSync(inside, 'wx'));
    } catch {
      return 'not alone';
    }
    await new Promise((resolve) => setImmediate(resolve));
    rmSync(inside);
    return 'alone';
  }).catch((error: unknown) => String(error));
  process.send!(said);
});
process.send!('ready');

// `pez-nodes models list|pull|path|check`: the models on this machine, downloading others, where they are, and whether they run.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { findAny, pullAny } from '../engine/diffusion/any-model.ts';
import { listBundledCheckpoints } from '../engine/diffusion/layout.ts';
import { InputError } from '../engine/errors.ts';
import { bundledRoot, listBundled } from '../engine/hub/bundled.ts';
import { defaultCacheDir, listCached } from '../engine/hub/cache.ts';
import { parseHubId } from '../engine/hub-id.ts';
import { addModelsCheck } from './models-check.ts';
import { makeDtypeOption } from './options.ts';
import { showDownloads } from './progress.ts';
import { watchInterrupt } from './stop-signal.ts';

/** Adds the commands to the program. */
export function addModels(program: Command): void {
  const models = program.command('models').description('list, download and find models');
  models
    .command('list')
    .description('the models that come with the package, and those that were downloaded')
    .option('--json', 'print one JSON object')
    .action(runList);
  models
    .command('pull')
    .description('download CLIPs and checkpoints from the hub, or update them')
    .argument('<ids...>', 'hub ids: org/name or org/name@revision')
    .addOption(makeDtypeOption())
    .action(runPull);
  models
    .command('path')
    .description('print the folder of a model that is on this machine')
    .argument('<name>', 'bundled name, folder or hub id')
    .addOption(makeDtypeOption())
    .action(async (name: string, { dtype }: { dtype?: string }) => {
      process.stdout.write(`${await findAny(name, { dtype, offline: true })}\n`);
    });
  addModelsCheck(models);
}

function runList({ json }: { json?: boolean }): void {
  const models = [
    ...[...listBundled(), ...listBundledCheckpoints()].map((name) => ({
      name,
      kind: 'bundled',
      dir: join(bundledRoot(), name),
    })),
    ...listCached().map(({ name, dir }) => ({ name, kind: 'downloaded', dir })),
  ].map((model) => ({ ...model, bytes: sizeOf(model.dir) }));
  if (json) {
    process.stdout.write(`${JSON.stringify({ cache: defaultCacheDir(), models })}\n`);
    return;
  }
  const width = Math.max(0, ...models.map(({ name }) => name.length));
  for (const { name, kind, dir, bytes } of models) {
    const size = `${(bytes / 1e6).toFixed(1)} MB`;
    process.stdout.write(`${name.padEnd(width)}  ${kind.padEnd(10)}  ${size.padStart(10)}  ${dir}\n`);
  }
  process.stderr.write(`downloads go to ${defaultCacheDir()}\n`);
}

/** Bytes of the files in a folder. */
function sizeOf(dir: string): number {
  const entries = readdirSync(dir, { recursive: true, encoding: 'utf8' });
  return entries.reduce((sum, path) => {
    const info = statSync(join(dir, path), { throwIfNoEntry: false }); // a download may just have ended
    return info?.isFile() ? sum + info.size : sum;
  }, 0);
}

async function runPull(ids: string[], { dtype }: { dtype?: string }): Promise<void> {
  const interrupt = watchInterrupt();
  const view = showDownloads();
  try {
    for (const name of ids) {
      const id = parseHubId(name);
      if (!id) throw new InputError('MODEL_NOT_FOUND', `"${name}" is not a hub id; those have the form org/name.`);
      const dir = await pullAny(id, { dtype, refresh: true, signal: interrupt.signal, onProgress: view.update });
      view.stop();
      process.stdout.write(`${dir}\n`);
    }
  } finally {
    view.stop();
    interrupt.release();
  }
}

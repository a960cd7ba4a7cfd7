// `pez-nodes models list|pull|path|check`: the models on this machine, downloading others, where they are, and whether they run.
import type { Command } from 'commander';
import { findAny, pullAny } from '../engine/diffusion/any-model.ts';
import { InputError } from '../engine/errors.ts';
import { parseHubId } from '../engine/hub-id.ts';
import { addFolderOptions } from './model-folders.ts';
import { addModelsCheck } from './models-check.ts';
import { runList } from './models-list.ts';
import { makeDtypeOption } from './options.ts';
import { showDownloads } from './progress.ts';
import { watchInterrupt } from './stop-signal.ts';

/** Adds the commands to the program. */
export function addModels(program: Command): void {
  const models = program.command('models').description('list, download and find models');
  const list = models
    .command('list')
    .description('the models that come with the package, those that were downloaded, and those in model folders')
    .option('--json', 'print one JSON object');
  addFolderOptions(list).action(runList);
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

async function runPull(ids: string[], { dtype }: { dtype?: string }): Promise<void> {
  const interrupt = watchInterrupt();
  const view = showDownloads();
  try {
    for (const name of ids) {
      const id = parseHubId(name);
      if (!id) throw new InputError('MODEL_NOT_FOUND', `"${name}" is not a hub id; those have the form org/name.`);
      const dir = await pullAny(id, { dtype, refresh: true, signal: interrupt.signal, ...view.listeners });
      view.stop();
      process.stdout.write(`${dir}\n`);
    }
  } finally {
    view.stop();
    interrupt.release();
  }
}

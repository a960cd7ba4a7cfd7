// `pez-nodes run <template or file>`: one graph from the command line, through the executor of the server.
import { mkdtempSync, rmSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Command } from 'commander';
import { checkDevice } from '../engine/onnx/device.ts';
import type { ApiGraph } from '../schemas/prompt.ts';
import type { Environment } from '../server/environment.ts';
import { assign, parseAssignment, parsePicture, readGraphFile, templateEntries } from './graph-file.ts';
import { showGraph } from './graph-progress.ts';
import { reportGraph } from './graph-report.ts';
import { addFolderOptions, type FolderOptions, toPlaces } from './model-folders.ts';
import { collect, DEFAULT_CLIP, makeDeviceOption } from './options.ts';
import { watchInterrupt } from './stop-signal.ts';
import { checkWritable } from './write-file.ts';

interface RunOptions extends FolderOptions {
  readonly set?: readonly string[];
  readonly image?: readonly string[];
  readonly packs?: readonly string[];
  readonly clip: string;
  readonly checkpoint?: string;
  readonly allowHub?: boolean;
  readonly device: string;
  readonly out: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Adds the command to the program. */
export function addRun(program: Command): void {
  const command = program
    .command('run')
    .description('run a graph: a template or a file')
    .argument('[graph]', 'name of a template, or a JSON file (default: list the templates)')
    .option(
      '--set <node.input=value>',
      'set an input of a node, which is named by id, title or class; repeatable',
      collect,
      [],
    )
    .option('--image <[node=]file>', 'picture for a Load Image node; repeatable', collect)
    .option('--packs <folder>', 'load the packs in this folder; repeatable', collect)
    .option('--clip <model>', 'CLIP that loaders offer first: bundled, a folder, or a hub id', DEFAULT_CLIP)
    .option('--checkpoint <model>', 'checkpoint that loaders offer first: bundled, a folder, or a hub id')
    .option('--allow-hub', 'let the graph name models of the hub, which are downloaded and run: only if you trust it')
    .addOption(makeDeviceOption())
    .option('--out <folder>', 'folder for pictures', 'out')
    .option('--json', 'print one JSON object')
    .option('--quiet', 'do not show progress');
  addFolderOptions(command).action(runGraph);
}

/** One a line: the name, then what it does. */
function listTemplates(): string {
  const templates = templateEntries();
  const width = Math.max(...templates.map(({ name }) => name.length));
  return templates.map(({ name, description }) => `${name.padEnd(width)}  ${description}\n`).join('');
}

async function runGraph(name: string | undefined, options: RunOptions): Promise<void> {
  if (name === undefined) {
    process.stdout.write(listTemplates());
    return;
  }
  checkWritable(join(options.out, 'picture.png'));
  checkDevice(options.device);
  const dataDir = mkdtempSync(join(tmpdir(), 'pez-nodes-run-'));
  const interrupt = watchInterrupt('Stopping');
  try {
    const [{ addExamples, openEnvironment }, { runOnce }, { checkModels }, { mayBeModel }] = await Promise.all([
      import('../server/environment.ts'),
      import('../server/run-once.ts'),
      import('../server/start-check.ts'),
      import('../engine/hub/model-store.ts'),
    ]);
    const { packs: packDirs = [], clip, checkpoint, allowHub, device } = options;
    const where = { dataDir, packDirs, clip, checkpoint, allowHub, device };
    const environment = await openEnvironment({ ...where, ...toPlaces(options), writeMetadata: true });
    for (const { name, error } of environment.packs)
      if (error) process.stderr.write(`pack ${name} was not loaded: ${error}\n`);
    checkModels({ clip, checkpoint }, environment, mayBeModel);
    await addExamples(environment.folders);
    const read = await readGraphFile(name, environment.registry);
    const graph = await placePictures(
      assign(read, (options.set ?? []).map(parseAssignment), environment.registry),
      options.image ?? [],
      environment,
    );
    const view = showGraph(graph);
    const outcome = await runOnce(graph, {
      environment,
      options: where,
      onEvent: options.quiet ? () => {} : view.update,
      onLog: (level, message) => level !== 'info' && process.stderr.write(`${message}\n`),
      signal: interrupt.signal,
    }).finally(view.stop);
    await reportGraph(outcome, { graph, environment, out: options.out, json: options.json ?? false });
  } finally {
    interrupt.release();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Copies the pictures of --image into the input folder and names them in the graph. */
async function placePictures(
  graph: ApiGraph,
  images: readonly string[],
  { folders, registry }: Environment,
): Promise<ApiGraph> {
  const pictures = images.map((text) => parsePicture(text, graph));
  const assignments = [];
  const names = new Set<string>();
  for (const [i, { node, file }] of pictures.entries()) {
    const name = basename(file); // as the user knows it: errors name it
    const value = names.has(name) ? `${i + 1}/${name}` : name;
    names.add(name);
    await mkdir(dirname(join(folders.input, value)), { recursive: true });
    await copyFile(file, join(folders.input, value));
    assignments.push({ node, input: 'image', value });
  }
  return assign(graph, assignments, registry);
}

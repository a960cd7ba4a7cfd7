// `pez-nodes run <template or file>`: one graph from the command line, through the executor of the server.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../engine/errors.ts';
import type { UiOutput } from '../schemas/events.ts';
import type { ApiGraph } from '../schemas/prompt.ts';
import type { DataFolders } from '../server/files/data-folders.ts';
import type { Surroundings } from '../server/surroundings.ts';
import type { JobOutcome } from '../server/worker-protocol.ts';
import { assign, parseAssignment, parsePicture, readGraphFile, templateNames } from './graph-file.ts';
import { showGraph } from './graph-progress.ts';
import { collect, DEFAULT_CLIP } from './options.ts';
import { watchInterrupt } from './stop-signal.ts';
import { writeFileWhole } from './write-file.ts';

interface RunOptions {
  readonly set: readonly string[];
  readonly image: readonly string[];
  readonly packs: readonly string[];
  readonly clip: string;
  readonly out: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Adds the command to the program. */
export function addRun(program: Command): void {
  program
    .command('run')
    .description('run a graph: a template, or a file')
    .argument('[graph]', 'name of a template, or a JSON file; without it, the templates are listed')
    .option('--set <node.input=value>', 'set an input; the node by id, title or class; repeatable', collect, [])
    .option('--image <[node=]file>', 'the picture of a Load Image node; repeatable', collect, [])
    .option('--packs <folder>', 'load the packs in this folder; repeatable', collect, [])
    .option('--clip <model>', 'the CLIP that loaders offer first', DEFAULT_CLIP)
    .option('--out <folder>', 'where pictures go', 'out')
    .option('--json', 'print one JSON object')
    .option('--quiet', 'no progress')
    .action(runGraph);
}

async function runGraph(name: string | undefined, options: RunOptions): Promise<void> {
  if (name === undefined) {
    process.stdout.write(`${templateNames().join('\n')}\n`);
    return;
  }
  const dataDir = mkdtempSync(join(tmpdir(), 'pez-nodes-run-'));
  const interrupt = watchInterrupt();
  try {
    const [{ addExamples, openSurroundings }, { runOnce }] = await Promise.all([
      import('../server/surroundings.ts'),
      import('../server/run-once.ts'),
    ]);
    const where = { dataDir, packDirs: options.packs, clip: options.clip };
    const surroundings = await openSurroundings({ ...where, writeMetadata: true });
    await addExamples(surroundings.folders);
    const read = await readGraphFile(name, surroundings.registry);
    const graph = await placePictures(
      assign(read, options.set.map(parseAssignment)),
      options.image,
      surroundings.folders,
    );
    const view = showGraph(graph);
    const outcome = await runOnce(graph, {
      surroundings,
      options: where,
      onEvent: options.quiet ? () => {} : view.update,
      onLog: (level, message) => level !== 'info' && process.stderr.write(`${message}\n`),
      signal: interrupt.signal,
    }).finally(view.stop);
    report(outcome, { graph, surroundings, options });
  } finally {
    interrupt.release();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Copies the pictures of --image into the input folder and names them in the graph. */
async function placePictures(graph: ApiGraph, images: readonly string[], { input }: DataFolders): Promise<ApiGraph> {
  const pictures = images.map((text) => parsePicture(text, graph));
  const assignments = [];
  for (const [i, { node, file }] of pictures.entries()) {
    const value = `${i + 1}-${file.split(/[/\\]/).at(-1)}`;
    await copyFile(file, join(input, value));
    assignments.push({ node, input: 'image', value });
  }
  return assign(graph, assignments);
}

interface Report {
  readonly graph: ApiGraph;
  readonly surroundings: Surroundings;
  readonly options: RunOptions;
}

/** Texts of output nodes → stdout, pictures → --out. Throws what ended the run, after what it gave has been shown. */
function report({ status, outputs, messages }: JobOutcome, { graph, surroundings, options }: Report): void {
  const results = Object.entries(outputs).map(([id, ui]) => ({
    node: id,
    title: graph[id]?._meta?.title ?? graph[id]?.class_type ?? id,
    text: (ui.text ?? []).map(String),
    files: keepFiles(ui, surroundings.folders, options.out),
  }));
  if (options.json) process.stdout.write(`${JSON.stringify({ status, results })}\n`);
  else {
    const isOutput = (id: string) => surroundings.registry.get(graph[id]?.class_type)?.definition.outputNode;
    const texts = results.filter(({ node, text }) => isOutput(node) && text.length > 0);
    for (const { title, text } of texts)
      process.stdout.write(`${texts.length > 1 ? `# ${title}\n` : ''}${text.join('\n')}\n`);
    for (const { title, files } of results) for (const file of files) process.stderr.write(`${title}: ${file}\n`);
  }
  if (status === 'interrupted') throw new DOMException('The run was stopped.', 'AbortError');
  const failure = messages.find(([type]) => type === 'execution_error');
  if (failure?.[0] === 'execution_error') {
    const { node_id, node_type, exception_message } = failure[1];
    throw new InputError('GRAPH_FAILED', `Node ${node_id} (${node_type}) failed: ${exception_message.trim()}`);
  }
}

/** Copies the files of an output node and gives their new paths. */
function keepFiles({ images = [] }: UiOutput, folders: DataFolders, out: string): string[] {
  return (images as { filename: string; subfolder: string; type: 'output' | 'temp' }[]).map(
    ({ filename, subfolder, type }) => {
      const path = join(out, subfolder, filename);
      writeFileWhole(path, readFileSync(join(folders[type], subfolder, filename)));
      return path;
    },
  );
}

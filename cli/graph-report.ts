// The outcome of a graph → texts on stdout, pictures in a folder, and the error that ended it.
import { mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../engine/errors.ts';
import type { FileRef } from '../nodes/node-context.ts';
import type { ApiGraph } from '../schemas/prompt.ts';
import type { Environment } from '../server/environment.ts';
import type { DataFolders } from '../server/files/data-folders.ts';
import { saveOutputs } from '../server/files/output-names.ts';
import type { JobOutcome } from '../server/job.ts';
import { writeFileWhole } from './write-file.ts';

export interface GraphReport {
  readonly graph: ApiGraph;
  readonly environment: Environment;
  /** Folder for pictures. */
  readonly out: string;
  readonly json: boolean;
}

/**
 * Texts of output nodes → stdout, pictures → `out`. If the run failed or was stopped, its results are shown first and then
 * the reason is thrown: GRAPH_FAILED or an AbortError. Also throws FILE_UNWRITABLE.
 */
export async function reportGraph({ status, outputs, messages }: JobOutcome, options: GraphReport): Promise<void> {
  const { graph, environment, out } = options;
  const results = [];
  for (const [node, { text = [], images = [] }] of Object.entries(outputs)) {
    const title = graph[node]?._meta?.title ?? graph[node]?.class_type ?? node;
    const files: string[] = [];
    for (const image of images as FileRef[]) files.push(await keepFile(image, environment.folders, out));
    results.push({ node, title, text: text.map(String), files });
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ status, results })}\n`);
  else {
    const isOutput = (id: string) => environment.registry.get(graph[id]?.class_type)?.definition.outputNode;
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

/** Copies a picture and returns its path. Counters continue from the files in `out`, since every run begins with 1 in its own folder. */
async function keepFile({ filename, subfolder, type }: FileRef, folders: DataFolders, out: string): Promise<string> {
  const bytes = readFileSync(join(folders[type], subfolder, filename));
  const [, name, extension] = /^(.+)_\d{5,}_\.(\w+)$/.exec(filename) ?? [];
  if (name === undefined) {
    const path = join(out, subfolder, filename);
    writeFileWhole(path, bytes);
    return path;
  }
  mkdirSync(out, { recursive: true });
  const prefix = subfolder === '' ? name : `${subfolder}/${name}`;
  const request = { type: 'output', prefix, extension, width: 0, height: 0, files: [bytes] } as const;
  const [saved] = await saveOutputs({ ...folders, output: realpathSync(out) }, request);
  return join(out, saved.subfolder, saved.filename);
}

// `pez-nodes demo`: the whole chain on a server of its own, as any client would run it: picture → prompt → picture.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Argument, type Command } from 'commander';
import { InputError } from '../engine/errors.ts';
import { packageFile } from '../engine/package-root.ts';
import type { FileRef } from '../nodes/node-context.ts';
import { type ApiGraph, apiGraph } from '../schemas/prompt.ts';
import { showGraph } from './graph-progress.ts';
import { integerOption, makeDeviceOption } from './options.ts';
import { watchInterrupt } from './stop-signal.ts';
import { checkWritable, writeFileWhole } from './write-file.ts';

interface DemoOptions {
  readonly out: string;
  readonly seed: number | bigint;
  readonly device: string;
  readonly quiet?: boolean;
}

/** The graph that is run, and the nodes of it that are used here. */
const TEMPLATE = 'image-to-prompt-to-image';
const NODE = { source: '1', invert: '3', prompt: '4', similarity: '5', sampler: '24', result: '27', likeness: '29' };

/** Adds the command to the program. */
export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('show the whole chain: a picture, its hard prompt, and what that prompt draws')
    .addArgument(
      new Argument('[picture]', 'the picture').default(packageFile('examples', 'tiger.png'), 'the tiger in examples'),
    )
    .option('--out <file>', 'PNG of source and result side by side', 'out/demo.png')
    .addOption(
      integerOption('--seed <number>', 'seed of the search and of the drawing', {
        min: 0,
        max: 2n ** 64n - 1n,
      }).default(0),
    )
    .addOption(makeDeviceOption())
    .option('--quiet', 'do not show progress')
    .action(runDemo);
}

async function runDemo(picture: string, { out, seed, device, quiet }: DemoOptions): Promise<void> {
  checkWritable(out);
  const source = readPicture(picture);
  const dataDir = mkdtempSync(join(tmpdir(), 'pez-nodes-demo-'));
  const interrupt = watchInterrupt('Stopping');
  const [{ startServer }, { createLog }, { connect }, { renderSideBySide }] = await Promise.all([
    import('../server/main.ts'),
    import('../server/log.ts'),
    import('./protocol-client.ts'),
    import('./side-by-side.ts'),
  ]);
  try {
    const server = await startServer({ port: 0, dataDir, device, log: createLog({ level: 'error' }) });
    try {
      if (!quiet)
        process.stderr.write(`A node server is listening on ${server.url}; it runs the template ${TEMPLATE}.\n`);
      const client = await connect(server.url);
      const graph = prepareGraph(await client.upload(picture), seed);
      const view = showGraph(graph);
      const { outputs } = await client.run(graph, quiet ? () => {} : view.update, interrupt.signal).finally(view.stop);
      const text = (node: string) => String(outputs[node].text[0]);
      const [prompt, similarity, likeness] = [text(NODE.prompt), text(NODE.similarity), text(NODE.likeness)];
      const caption = `similarity of prompt and picture ${round(similarity)}, of both pictures ${round(likeness)}`;
      const result = await client.view(outputs[NODE.result].images[0] as FileRef);
      client.close();
      writeFileWhole(out, await renderSideBySide({ source, result, prompt, caption }));
      process.stdout.write(`${prompt}\n${caption}\n${out}\n`);
    } finally {
      await server.close();
    }
  } finally {
    interrupt.release();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function readPicture(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new InputError('IMAGE_UNREADABLE', `Cannot read the picture ${file}: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

function prepareGraph(image: string, seed: number | bigint): ApiGraph {
  const graph = apiGraph.parse(JSON.parse(readFileSync(packageFile('templates', 'api', `${TEMPLATE}.json`), 'utf8')));
  graph[NODE.source].inputs.image = image;
  graph[NODE.invert].inputs.seed = seed;
  graph[NODE.sampler].inputs.seed = seed;
  return graph;
}

const round = (number: string): string => Number(number).toFixed(3);

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
import { addFolderOptions, type FolderOptions, toPlaces } from './model-folders.ts';
import { DEFAULT_CLIP, integerOption, makeDeviceOption } from './options.ts';
import { watchInterrupt } from './stop-signal.ts';
import { checkWritable, writeFileWhole } from './write-file.ts';

interface DemoOptions extends FolderOptions {
  readonly clip: string;
  readonly checkpoint: string;
  readonly size?: number;
  readonly out: string;
  readonly seed: number | bigint;
  readonly device: string;
  readonly quiet?: boolean;
}

/** The graph that is run, and the nodes of it that are used here. */
const TEMPLATE = 'image-to-prompt-to-image';
const NODE = {
  source: '1',
  clip: '2',
  invert: '3',
  prompt: '4',
  similarity: '5',
  checkpoint: '20',
  latent: '21',
  sampler: '24',
  enlarged: '26',
  result: '27',
  likeness: '29',
};
/** The checkpoint that comes with the package, and the size that it draws; others draw at the size of Stable Diffusion 1. */
const DEFAULT_CHECKPOINT = 'pico-diffusion';
const DEFAULT_SIZE = 64;
const OTHER_SIZE = 512;

/** Adds the command to the program. */
export function addDemo(program: Command): void {
  const command = program
    .command('demo')
    .description('show the whole chain: a picture, its hard prompt, and what that prompt draws')
    .addArgument(
      new Argument('[picture]', 'the picture').default(packageFile('examples', 'tiger.png'), 'the tiger in examples'),
    )
    .option('--clip <model>', 'the CLIP that reads the picture', DEFAULT_CLIP)
    .option('--checkpoint <model>', 'the checkpoint that draws', DEFAULT_CHECKPOINT)
    .addOption(
      integerOption(
        '--size <pixels>',
        `width and height that the checkpoint draws (default: ${DEFAULT_SIZE} for ${DEFAULT_CHECKPOINT}, else ${OTHER_SIZE})`,
        { min: 16, max: 2048 },
      ),
    )
    .option('--out <file>', 'PNG of source and result side by side', 'out/demo.png')
    .addOption(
      integerOption('--seed <number>', 'seed of the search and of the drawing', {
        min: 0,
        max: 2n ** 64n - 1n,
      }).default(0),
    )
    .addOption(makeDeviceOption())
    .option('--quiet', 'do not show progress');
  addFolderOptions(command).action(runDemo);
}

async function runDemo(picture: string, options: DemoOptions): Promise<void> {
  const { out, quiet, clip, checkpoint, device } = options;
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
    const server = await startServer({
      ...{ port: 0, dataDir, clip, checkpoint, device, ...toPlaces(options) },
      log: createLog({ level: 'error' }),
    });
    try {
      if (!quiet)
        process.stderr.write(`A node server is listening on ${server.url}; it runs the template ${TEMPLATE}.\n`);
      const client = await connect(server.url);
      const graph = prepareGraph(await client.upload(picture), options);
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

function prepareGraph(image: string, { clip, checkpoint, size, seed }: DemoOptions): ApiGraph {
  const graph = apiGraph.parse(JSON.parse(readFileSync(packageFile('templates', 'api', `${TEMPLATE}.json`), 'utf8')));
  graph[NODE.source].inputs.image = image;
  graph[NODE.invert].inputs.seed = seed;
  graph[NODE.sampler].inputs.seed = seed;
  graph[NODE.clip].inputs.clip_name = clip;
  graph[NODE.checkpoint].inputs.ckpt_name = checkpoint;
  const side = size ?? (checkpoint === DEFAULT_CHECKPOINT ? DEFAULT_SIZE : OTHER_SIZE);
  Object.assign(graph[NODE.latent].inputs, { width: side, height: side });
  if (side !== DEFAULT_SIZE) Object.assign(graph[NODE.enlarged].inputs, { width: side, height: side });
  return graph;
}

const round = (number: string): string => Number(number).toFixed(3);

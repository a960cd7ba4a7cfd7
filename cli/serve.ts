// `pez-nodes serve`: the node server, until it is stopped.
import { type Command, Option } from 'commander';
import { invalid } from '../engine/check.ts';
import { type ServerOptions, serverDefaults } from '../server/options.ts';
import { collect, integerOption, makeDeviceOption, numberOption } from './options.ts';

interface ServeOptions {
  readonly port: number;
  readonly listen: string;
  readonly dataDir: string;
  readonly packs?: readonly string[];
  readonly clip: string;
  readonly checkpoint?: string;
  readonly allowHub?: boolean;
  readonly device: string;
  readonly frontEndRoot?: string;
  readonly cache: ServerOptions['cache'];
  readonly allowHost?: readonly string[];
  readonly enableCorsHeader?: string | true;
  readonly maxUploadSize: number;
  readonly maxQueue: number;
  readonly maxHistory: number;
  readonly disableMetadata?: boolean;
  readonly multiUser: boolean;
}

const MEBIBYTE = 2 ** 20;

/** Adds the command to the program. */
export function addServe(program: Command): void {
  const d = serverDefaults;
  program
    .command('serve')
    .description('run the node server: ComfyUI clients list our nodes, send graphs and fetch the results')
    .addOption(
      integerOption('--port <number>', 'port to listen on; 0: any free port', { min: 0, max: 65_535 }).default(d.port),
    )
    .option('--listen <address>', 'address to bind; 0.0.0.0 lets other machines in (there are no passwords!)', d.listen)
    .option('--data-dir <folder>', 'folder of input, output, temp, user, models and the queue', d.dataDir)
    .option('--packs <folder>', 'load the packs in this folder; repeatable', collect)
    .option('--clip <model>', 'CLIP that loaders offer first: bundled, a folder, or a hub id', d.clip)
    .option('--checkpoint <model>', 'checkpoint that loaders offer first: bundled, a folder, or a hub id')
    .option(
      '--allow-hub',
      'let graphs name models of the hub, which are downloaded and run: only for graphs that you trust',
    )
    .addOption(makeDeviceOption())
    .option('--front-end-root <folder>', 'serve the ComfyUI front end in this folder at /')
    .addOption(
      new Option(
        '--cache <mode>',
        'results to keep: classic (those of the last prompt), none, or lru:<number of results>',
      )
        .argParser(toCacheMode)
        .default(d.cache),
    )
    .option('--allow-host <name>', 'another host name under which this server is reached; repeatable', collect)
    .option('--enable-cors-header [origin]', 'let pages of this origin (default: all) talk to the server')
    .addOption(
      numberOption('--max-upload-size <MB>', 'largest request', { above: 0 }).default(d.maxUploadBytes / MEBIBYTE),
    )
    .addOption(
      integerOption('--max-queue <number>', 'most prompts that may wait', { min: 1, max: 1_000_000 }).default(
        d.maxQueueLength,
      ),
    )
    .addOption(
      integerOption('--max-history <number>', 'most prompts that the history keeps; the oldest go first', {
        min: 1,
        max: 10_000_000,
      }).default(d.maxHistory),
    )
    .option('--disable-metadata', 'save pictures without their graph')
    .option('--multi-user', 'keep settings and workflows per user name (no passwords)', false)
    .action(runServe);
}

/** `classic`, `none`, `lru:10`. */
export function toCacheMode(text: string): ServerOptions['cache'] {
  if (text === 'classic' || text === 'none') return text;
  const [, size] = /^lru:(\d+)$/.exec(text) ?? [];
  if (Number(size) > 0) return { lru: Number(size) };
  throw invalid('--cache', 'classic, none or lru:<number of results>', text);
}

async function runServe(options: ServeOptions): Promise<void> {
  const { startServer } = await import('../server/main.ts');
  const server = await startServer(toServerOptions(options));
  process.stderr.write(`pez-nodes listens on ${server.url}\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  process.stderr.write('Stopping; a prompt that is still running will run again at the next start.\n');
  // A second Ctrl-C does not wait.
  process.once('SIGINT', () => process.exit(130));
  await server.close();
}

function toServerOptions(options: ServeOptions): ServerOptions {
  const { maxUploadSize, maxQueue, maxHistory, enableCorsHeader } = options;
  return {
    port: options.port,
    listen: options.listen,
    dataDir: options.dataDir,
    packDirs: options.packs ?? [],
    clip: options.clip,
    checkpoint: options.checkpoint,
    allowHub: options.allowHub ?? false,
    device: options.device,
    frontEndRoot: options.frontEndRoot,
    cache: options.cache,
    corsOrigin: enableCorsHeader === true ? '*' : enableCorsHeader,
    allowedHosts: options.allowHost ?? [],
    maxUploadBytes: Math.round(maxUploadSize * MEBIBYTE),
    maxQueueLength: maxQueue,
    maxHistory,
    writeMetadata: !options.disableMetadata,
    multiUser: options.multiUser,
  };
}

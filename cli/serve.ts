// `pez-nodes serve`: the node server, until it is stopped.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { InputError } from '../engine/errors.ts';
import { type ServerOptions, serverDefaults } from '../server/options.ts';
import { collect, makeDeviceOption, toNumber } from './options.ts';

interface ServeOptions {
  readonly port: number;
  readonly listen: string;
  readonly dataDir: string;
  readonly packs: readonly string[];
  readonly clip: string;
  readonly checkpoint?: string;
  readonly device: string;
  readonly frontEndRoot?: string;
  readonly cache: ServerOptions['cache'];
  readonly allowHost: readonly string[];
  readonly enableCorsHeader?: string | true;
  readonly maxUploadSize: number;
  readonly maxQueue: number;
  readonly disableMetadata?: boolean;
  readonly multiUser: boolean;
}

const MEBIBYTE = 2 ** 20;

/** Adds the command to the program. */
export function addServe(program: Command): void {
  const d = serverDefaults;
  program
    .command('serve')
    .description('run the node server: ComfyUI clients list our nodes, send graphs and fetch what they made')
    .option('--port <number>', '0: any free port', toNumber, d.port)
    .option('--listen <address>', 'address to bind; 0.0.0.0 lets other machines in (there are no passwords!)', d.listen)
    .option('--data-dir <folder>', 'holds input, output, temp, user, models and the queue', d.dataDir)
    .option('--packs <folder>', 'load the packs in this folder; repeatable', collect, [])
    .option('--clip <model>', 'the CLIP that loaders offer first: bundled, a folder, or a hub id', d.clip)
    .option('--checkpoint <model>', 'the checkpoint that loaders offer first: bundled, a folder, or a hub id')
    .addOption(makeDeviceOption())
    .option('--front-end-root <folder>', 'serve this ComfyUI front end at /')
    .addOption(
      new Option('--cache <mode>', 'results to keep: classic (of the last prompt), none, or lru <n> as lru:<n>')
        .argParser(toCacheMode)
        .default(d.cache),
    )
    .option('--allow-host <name>', 'another host name by which this server is addressed; repeatable', collect, [])
    .option('--enable-cors-header [origin]', 'let pages of this origin (default: all) talk to the server')
    .option('--max-upload-size <MB>', 'limit of a request', toNumber, d.maxUploadBytes / MEBIBYTE)
    .option('--max-queue <number>', 'prompts that may wait', toNumber, d.maxQueueLength)
    .option('--disable-metadata', 'write pictures without their graph')
    .option('--multi-user', 'keep settings and workflows per user name (no passwords)', false)
    .action(runServe);
}

/** `classic`, `none`, `lru:10`. */
export function toCacheMode(text: string): ServerOptions['cache'] {
  if (text === 'classic' || text === 'none') return text;
  const [, size] = /^lru:(\d+)$/.exec(text) ?? [];
  if (Number(size) > 0) return { lru: Number(size) };
  throw new InvalidArgumentError('Expected classic, none or lru:<number of results>.');
}

async function runServe(options: ServeOptions): Promise<void> {
  const { startServer } = await import('../server/main.ts');
  const server = await startServer(toServerOptions(options));
  process.stderr.write(`pez-nodes listens on ${server.url}\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  process.stderr.write('Stopping; a prompt that runs will run again at the next start.\n');
  // A second Ctrl-C does not wait.
  process.once('SIGINT', () => process.exit(130));
  await server.close();
}

function toServerOptions(options: ServeOptions): ServerOptions {
  const { maxUploadSize, maxQueue, enableCorsHeader } = options;
  requireInteger('--port', options.port, 0, 65_535);
  requireInteger('--max-queue', maxQueue, 1, 1_000_000);
  if (!(maxUploadSize > 0))
    throw new InputError('OPTION_INVALID', `--max-upload-size must be above 0 MB, but is ${maxUploadSize}.`);
  return {
    port: options.port,
    listen: options.listen,
    dataDir: options.dataDir,
    packDirs: options.packs,
    clip: options.clip,
    checkpoint: options.checkpoint,
    device: options.device,
    frontEndRoot: options.frontEndRoot,
    cache: options.cache,
    corsOrigin: enableCorsHeader === true ? '*' : enableCorsHeader,
    allowedHosts: options.allowHost,
    maxUploadBytes: Math.round(maxUploadSize * MEBIBYTE),
    maxQueueLength: maxQueue,
    writeMetadata: !options.disableMetadata,
    multiUser: options.multiUser,
  };
}

function requireInteger(flag: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new InputError('OPTION_INVALID', `${flag} must be a whole number from ${min} to ${max}, but is ${value}.`);
}

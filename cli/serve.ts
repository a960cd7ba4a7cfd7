// `pez-nodes serve`: the node server, until it is stopped.
import { type Command, Option } from 'commander';
import { invalid } from '../engine/check.ts';
import { InputError } from '../engine/errors.ts';
import { type ServerOptions, serverDefaults } from '../server/options.ts';
import { PREVIEW_METHODS } from '../server/preview-audience.ts';
import { installedFolder } from './front-end/installed.ts';
import { addFolderOptions, type FolderOptions, toPlaces } from './model-folders.ts';
import { collect, integerOption, makeDeviceOption, numberOption } from './options.ts';

interface ServeOptions extends FolderOptions {
  readonly port: number;
  readonly listen: string;
  readonly token?: string;
  readonly insecure: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly dataDir: string;
  readonly packs?: readonly string[];
  readonly clip: string;
  readonly checkpoint?: string;
  readonly allowHub?: boolean;
  readonly device: string;
  readonly frontEnd?: string | true;
  readonly frontEndRoot?: string;
  readonly cache: ServerOptions['cache'];
  readonly allowHost?: readonly string[];
  readonly enableCorsHeader?: string | true;
  readonly maxUploadSize: number;
  readonly maxUploads: number;
  readonly maxPromptSize: number;
  readonly maxQueue: number;
  readonly maxMemory?: number;
  readonly maxHistory: number;
  readonly previewMethod: ServerOptions['previewMethod'];
  readonly disableMetadata?: boolean;
  readonly multiUser: boolean;
}

const MEBIBYTE = 2 ** 20;
const d = serverDefaults;
/** Better than --token, which other accounts of this machine see in the list of processes. */
const TOKEN_VARIABLE = 'PEZ_NODES_TOKEN';

/** Adds the command to the program. */
export function addServe(program: Command): void {
  const command = program
    .command('serve')
    .description('run the node server: ComfyUI clients list our nodes, send graphs and fetch the results');
  addAddressOptions(command);
  addContentOptions(command);
  addLimitOptions(command);
  const preview = new Option(
    '--preview-method <method>',
    'none: previews and text only to clients that ask for them; else to all',
  );
  command
    .addOption(preview.choices(PREVIEW_METHODS).default(d.previewMethod))
    .option('--disable-metadata', 'save pictures without their graph')
    .option('--multi-user', 'keep settings and workflows per user name (no passwords)', false)
    .action(runServe);
}

/** Where the server listens, and who may speak to it. */
function addAddressOptions(command: Command): void {
  command
    .addOption(
      integerOption('--port <number>', 'port to listen on; 0: any free port', { min: 0, max: 65_535 }).default(d.port),
    )
    .option(
      '--listen <address>',
      'address to bind; 0.0.0.0 lets other machines in, who must show the --token',
      d.listen,
    )
    .addOption(new Option('--token <text>', 'what every request must show').env(TOKEN_VARIABLE))
    .option('--insecure', 'let other machines in without a token', d.insecure)
    .option('--tls-cert <file>', 'certificate in PEM: the server then speaks https')
    .option('--tls-key <file>', 'the key of the certificate, in PEM')
    .option('--allow-host <name>', 'another host name under which this server is reached; repeatable', collect)
    .option('--enable-cors-header [origin]', 'let pages of this origin (default: all) talk to the server');
}

/** What the server works with: folders, packs, models, a front end. */
function addContentOptions(command: Command): void {
  const cache = new Option(
    '--cache <mode>',
    'results to keep: classic (those of the last prompt), none, or lru:<number of results>',
  );
  command.option('--data-dir <folder>', 'folder of input, output, temp, user, models and the queue', d.dataDir);
  addFolderOptions(command)
    .option('--packs <folder>', 'load the packs in this folder; repeatable', collect)
    .option('--clip <model>', 'CLIP that loaders offer first: bundled, a folder, or a hub id', d.clip)
    .option('--checkpoint <model>', 'checkpoint that loaders offer first: bundled, a folder, or a hub id')
    .option(
      '--allow-hub',
      'let graphs name models of the hub, which are downloaded and run: only for graphs that you trust',
    )
    .addOption(makeDeviceOption())
    .option('--front-end [version]', 'serve the ComfyUI front end that "pez-nodes front-end install" got, at /')
    .option('--front-end-root <folder>', 'serve the ComfyUI front end in this folder at /')
    .addOption(cache.argParser(toCacheMode).default(d.cache));
}

/** How much clients may ask for. */
function addLimitOptions(command: Command): void {
  const size = (flags: string, description: string, bytes?: number) =>
    numberOption(flags, description, { above: 0 }).default(bytes === undefined ? undefined : bytes / MEBIBYTE);
  const count = (flags: string, description: string, max: number, initial: number) =>
    integerOption(flags, description, { min: 1, max }).default(initial);
  command
    .addOption(size('--max-upload-size <MB>', 'largest request', d.maxUploadBytes))
    .addOption(size('--max-uploads <MB>', 'what all uploads together may hold on the disk', d.maxUploadsBytes))
    .addOption(size('--max-prompt-size <MB>', 'largest prompt, as JSON', d.maxPromptBytes))
    .addOption(size('--max-memory <MB>', "memory that a prompt's results may take (default: half of the computer's)"))
    .addOption(count('--max-queue <number>', 'most prompts that may wait', 1_000_000, d.maxQueueLength))
    .addOption(
      count(
        '--max-history <number>',
        'most prompts that the history keeps; the oldest go first',
        10_000_000,
        d.maxHistory,
      ),
    );
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
  delete process.env[TOKEN_VARIABLE]; // the worker, and packs in it, need not know it
  const server = await startServer(toServerOptions(options));
  const login = options.token === undefined ? '' : '; open it once as /?token=<token>';
  process.stderr.write(`pez-nodes listens on ${server.url}${login}\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  process.stderr.write('Stopping; a prompt that is still running will run again at the next start.\n');
  // A second Ctrl-C does not wait.
  process.once('SIGINT', () => process.exit(130));
  await server.close();
}

function toTls({ tlsCert, tlsKey }: ServeOptions): ServerOptions['tls'] {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert !== undefined && tlsKey !== undefined) return { certFile: tlsCert, keyFile: tlsKey };
  throw new InputError('OPTION_INVALID', 'A certificate and its key go together: give both --tls-cert and --tls-key.');
}

function toFrontEndRoot({ frontEnd, frontEndRoot, dataDir }: ServeOptions): string | undefined {
  if (frontEnd === undefined) return frontEndRoot;
  if (frontEndRoot === undefined) return installedFolder(dataDir, frontEnd === true ? undefined : frontEnd);
  throw new InputError('OPTION_INVALID', 'Only one front end can stand at /: give --front-end or --front-end-root.');
}

function toServerOptions(options: ServeOptions): ServerOptions {
  const { maxUploadSize, maxUploads, maxPromptSize, maxQueue, maxMemory, maxHistory, enableCorsHeader } = options;
  return {
    port: options.port,
    listen: options.listen,
    token: options.token,
    insecure: options.insecure,
    tls: toTls(options),
    dataDir: options.dataDir,
    ...toPlaces(options),
    packDirs: options.packs ?? [],
    clip: options.clip,
    checkpoint: options.checkpoint,
    allowHub: options.allowHub ?? false,
    device: options.device,
    frontEndRoot: toFrontEndRoot(options),
    cache: options.cache,
    corsOrigin: enableCorsHeader === true ? '*' : enableCorsHeader,
    allowedHosts: options.allowHost ?? [],
    maxUploadBytes: Math.round(maxUploadSize * MEBIBYTE),
    maxUploadsBytes: Math.round(maxUploads * MEBIBYTE),
    maxPromptBytes: Math.round(maxPromptSize * MEBIBYTE),
    maxQueueLength: maxQueue,
    maxMemoryBytes: maxMemory && Math.round(maxMemory * MEBIBYTE),
    maxHistory,
    previewMethod: options.previewMethod,
    writeMetadata: !options.disableMetadata,
    multiUser: options.multiUser,
  };
}

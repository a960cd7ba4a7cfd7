// `pez-nodes front-end install|list|remove`: ComfyUI's graph editor, which this package does not contain, on the user's command.
import { type Command, Option } from 'commander';
import { InputError } from '../../engine/errors.ts';
import { serverDefaults } from '../../server/options.ts';
import { showDownloads } from '../progress.ts';
import { watchInterrupt } from '../stop-signal.ts';
import { installedFolder, installedVersions, installRelease, removeVersion } from './installed.ts';
import { indexAddress, listReleases, type Release } from './package-index.ts';

interface FolderOption {
  readonly dataDir: string;
}

/** Adds the commands to the program. */
export function addFrontEnd(program: Command): void {
  const frontEnd = program.command('front-end').description("get ComfyUI's graph editor for `serve --front-end`");
  const dataDir = () => new Option('--data-dir <folder>', "the server's data folder").default(serverDefaults.dataDir);
  frontEnd
    .command('install')
    .description("download ComfyUI's front end (GPL-3.0, a package of its own) from Python's package index")
    .argument('[version]', 'such as 1.58.1; by default the newest')
    .addOption(dataDir())
    .option('--index <url>', "a mirror of the package index; by default pip's (PIP_INDEX_URL) or PyPI")
    .action(runInstall);
  frontEnd
    .command('list')
    .description('the versions that are installed, the newest first')
    .addOption(dataDir())
    .action((options: FolderOption) => {
      for (const version of installedVersions(options.dataDir))
        process.stdout.write(`${version}  ${installedFolder(options.dataDir, version)}\n`);
    });
  frontEnd
    .command('remove')
    .description('delete a version')
    .argument('<version>')
    .addOption(dataDir())
    .action((version: string, options: FolderOption) => removeVersion(options.dataDir, version));
}

async function runInstall(version: string | undefined, options: FolderOption & { index?: string }): Promise<void> {
  const interrupt = watchInterrupt();
  const view = showDownloads();
  try {
    const index = indexAddress(options.index);
    const release = choose(await listReleases(index, { signal: interrupt.signal }), { version, index });
    process.stderr.write(
      `ComfyUI's front end ${release.version}: by Comfy Org, licence GPL-3.0, ${megabytes(release)} from ${new URL(release.url).host}. It is not part of pez-nodes.\n`,
    );
    const folder = await installRelease(options.dataDir, release, {
      signal: interrupt.signal,
      onProgress: view.update,
    });
    view.stop();
    process.stdout.write(`${folder}\n`);
    const flag = options.dataDir === serverDefaults.dataDir ? '' : ` --data-dir ${options.dataDir}`;
    process.stderr.write(`"pez-nodes serve${flag} --front-end" shows it.\n`);
  } finally {
    view.stop();
    interrupt.release();
  }
}

/** The release asked for, or the newest. */
function choose(releases: readonly Release[], { version, index }: { version?: string; index: string }): Release {
  const found = version === undefined ? releases[0] : releases.find((release) => release.version === version);
  if (found) return found;
  const known = releases.slice(0, 8).map((release) => release.version);
  throw new InputError(
    'OPTION_INVALID',
    version === undefined
      ? `${index} has no version of the front end.`
      : `${index} has no version ${version} of the front end; the newest are ${known.join(', ')}.`,
  );
}

const megabytes = ({ bytes }: Release): string =>
  bytes === undefined ? 'of unknown size' : `${Math.ceil(bytes / 1e6)} MB`;

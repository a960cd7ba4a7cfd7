// The front ends that were installed into a data folder: `<data folder>/front-end/<version>/` holds the web files of one.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../engine/errors.ts';
import { type DownloadOptions, downloadFile } from '../../engine/hub/download.ts';
import { compareVersions, type Release } from './package-index.ts';
import { unpackStatic } from './unpack.ts';

const VERSION = /^\d+(\.\d+){0,5}$/;

const folderOf = (dataDir: string): string => join(dataDir, 'front-end');

/** Versions, the newest first. */
export function installedVersions(dataDir: string): string[] {
  const folder = folderOf(dataDir);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names
    .filter((name) => VERSION.test(name) && existsSync(join(folder, name, 'index.html')))
    .sort((a, b) => compareVersions(b, a));
}

/** The folder of a version; by default of the newest. Throws OPTION_INVALID if it is not installed. */
export function installedFolder(dataDir: string, version?: string): string {
  const installed = installedVersions(dataDir);
  const found = version === undefined ? installed[0] : installed.find((v) => v === version);
  if (found) return join(folderOf(dataDir), found);
  const what = version === undefined ? 'No front end is' : `The front end ${version} is not`;
  throw new InputError(
    'OPTION_INVALID',
    `${what} installed in ${folderOf(dataDir)}${installed.length ? ` (there are ${installed.join(', ')})` : ''}; "pez-nodes front-end install${version ? ` ${version}` : ''}" gets it.`,
  );
}

/** Downloads a release, checks its hash and unpacks it; gives its folder. Throws DOWNLOAD_FAILED, FILE_UNWRITABLE. */
export async function installRelease(dataDir: string, release: Release, options: DownloadOptions): Promise<string> {
  const folder = folderOf(dataDir);
  const target = join(folder, release.version);
  const scratch = makeScratch(folder);
  try {
    // A wheel of an earlier attempt goes on where it broke off; it is checked by the index's hash, which serves as its etag.
    const wheel = join(folder, release.file);
    const { url, bytes: size, sha256: etag } = release;
    await downloadFile({ url, size, etag, commit: undefined, direct: false }, wheel, { ...options, anonymous: true });
    await unpackStatic(wheel, scratch);
    rmSync(target, { recursive: true, force: true });
    renameSync(scratch, target);
    rmSync(wheel);
    return target;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function makeScratch(folder: string): string {
  try {
    mkdirSync(folder, { recursive: true });
    return mkdtempSync(join(folder, 'new-'));
  } catch (error) {
    throw new InputError('FILE_UNWRITABLE', `Cannot write into ${folder}: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

/** Deletes a version. Throws OPTION_INVALID if it is not installed. */
export const removeVersion = (dataDir: string, version: string): void =>
  rmSync(installedFolder(dataDir, version), { recursive: true });

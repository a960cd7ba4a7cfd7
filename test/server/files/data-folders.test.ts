// The data folder: who may read it, and what is said where it cannot be made.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepareDataFolders } from '../../../server/files/data-folders.ts';
import { startTestServer } from '../../helpers/server.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'pez-folders-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const linuxTest = process.platform === 'linux' ? test : test.skip;
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

linuxTest('data folder and database are for this account only', async () => {
  const dataDir = join(dir, 'a/data');
  const server = await startTestServer({ dataDir });
  try {
    const database = join(dataDir, 'queue.sqlite');
    await server.run({ 1: { class_type: 'TestPid', inputs: {} } });
    expect([modeOf(dataDir), modeOf(database), modeOf(`${database}-wal`)]).toEqual(['700', '600', '600']);
    expect(modeOf(join(dir, 'a'))).not.toBe('700');
  } finally {
    await server.close();
  }
});

linuxTest('a database that others could read is closed to them; a folder that was there stays as it is', async () => {
  const dataDir = join(dir, 'shared');
  mkdirSync(dataDir);
  chmodSync(dataDir, 0o755);
  await (await startTestServer({ dataDir })).close({ keep: true });
  chmodSync(join(dataDir, 'queue.sqlite'), 0o644);
  const server = await startTestServer({ dataDir });
  try {
    expect([modeOf(dataDir), modeOf(join(dataDir, 'queue.sqlite'))]).toEqual(['755', '600']);
  } finally {
    await server.close();
  }
});

linuxTest('where nothing can be made it is said at once', async () => {
  await expect(prepareDataFolders('/proc/nope/deeper')).rejects.toMatchObject({
    code: 'FILE_UNWRITABLE',
    message: "/proc/nope can't be made: choose another --data-dir.",
  });
  writeFileSync(join(dir, 'file'), '');
  await expect(prepareDataFolders(join(dir, 'file/data'))).rejects.toMatchObject({
    code: 'FILE_UNWRITABLE',
    message: expect.stringContaining('part of the path is a file'),
  });
});

/** Runs a script with a disk mounted read-only at `dir`; undefined where this account may not mount. */
function onReadOnlyDisk(script: string): string | undefined {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const mount = 'mount -t tmpfs -o ro none "$0" && exec "$@"';
  const node = [process.execPath, '--import', tsx, '--input-type=module', '-e', script];
  const { status, stdout } = spawnSync('unshare', ['-rm', 'sh', '-c', mount, dir, ...node], { encoding: 'utf8' });
  return status === 0 ? stdout : undefined;
}

linuxTest('a read-only disk is called that', () => {
  const module = join(import.meta.dirname, '../../../server/files/data-folders.ts');
  const said = onReadOnlyDisk(
    `const { prepareDataFolders } = await import(${JSON.stringify(module)});
     await prepareDataFolders(${JSON.stringify(join(dir, 'new/data'))}).catch((error) => console.log(error.message));`,
  );
  if (said === undefined) return console.warn('not tested: this account may not mount a disk');
  expect(said.trim()).toBe(
    `${join(dir, 'new')} can't be written (EROFS): the disk is read-only: choose another --data-dir.`,
  );
  expect(existsSync(join(dir, 'new'))).toBe(false);
});

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installedFolder, installedVersions, installRelease, removeVersion } from '../../../cli/front-end/installed.ts';
import { compareVersions, listReleases, type Release } from '../../../cli/front-end/package-index.ts';
import { sha256 } from '../../hub/hub-mirror.ts';
import { runCli } from '../run-cli.ts';
import { makeZip, type ZipEntry } from './zip-file.ts';

const STATIC = 'comfyui_frontend_package/static/';
const file = (name: string, text: string): ZipEntry => ({ name, data: Buffer.from(text) });
const wheelOf = (version: string, ...more: ZipEntry[]): Buffer =>
  makeZip([
    file('comfyui_frontend_package/__init__.py', ''),
    file(`${STATIC}index.html`, `<p>${version}`),
    file(`${STATIC}assets/a.js`, 'a'.repeat(3000)),
    ...more,
  ]);

/** A package index on loopback: wheels by version, and what goes wrong with the next download. */
const wheels = new Map<string, Buffer>();
const requests: string[] = [];
let answer: ((response: ServerResponse, body: Buffer, from: number) => void) | undefined;
let indexBody: (() => string) | undefined;

const server = createServer((request, response) => {
  requests.push(`${request.url} ${request.headers.range ?? ''} ${request.headers.authorization ?? ''}`.trim());
  if (request.url?.startsWith('/simple/')) {
    const files = [...wheels].map(([version, body]) => ({
      filename: `comfyui_frontend_package-${version}-py3-none-any.whl`,
      url: `../../files/${version}`,
      hashes: { sha256: sha256(body) },
      size: body.length,
      yanked: version === '9.9.9' ? 'broken' : false,
    }));
    const source = { filename: 'comfyui_frontend_package-1.0.0.tar.gz', url: 'x', hashes: {}, size: 1 };
    response.end(indexBody?.() ?? JSON.stringify({ files: [source, ...files] }));
    return;
  }
  const body = wheels.get(request.url?.split('/').at(-1) ?? '');
  if (!body) return void response.writeHead(404).end();
  const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const respond = answer;
  answer = undefined;
  if (respond) return respond(response, body, from);
  const headers = from > 0 ? { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` } : {};
  response.writeHead(from > 0 ? 206 : 200, headers).end(body.subarray(from));
});

let index: string;
let dataDir: string;
const transport = { wait: async () => {} };

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  index = `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'front-end-'));
  wheels.clear();
  for (const version of ['1.9.2', '1.58.1', '1.10.0', '9.9.9']) wheels.set(version, wheelOf(version));
  requests.length = 0;
  indexBody = undefined;
  answer = undefined;
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const newest = async (): Promise<Release> => (await listReleases(index))[0];
const install = async () => installRelease(dataDir, await newest(), { transport });
/** Nothing but the versions: no scratch folders, no broken wheels. */
const leftOver = () => readdirSync(join(dataDir, 'front-end')).filter((name) => !/^[\d.]+$/.test(name));

test('releases are listed from the newest, without those that were withdrawn', async () => {
  expect((await listReleases(index)).map(({ version }) => version)).toEqual(['1.58.1', '1.10.0', '1.9.2']);
  expect(compareVersions('1.9', '1.9.0')).toBe(0);
});

test('the newest is installed, served versions are told apart, and one is removed', async () => {
  const folder = await install();
  expect(readFileSync(join(folder, 'index.html'), 'utf8')).toBe('<p>1.58.1');
  expect(readFileSync(join(folder, 'assets/a.js'), 'utf8')).toHaveLength(3000);
  expect(existsSync(join(folder, '__init__.py'))).toBe(false);
  await installRelease(dataDir, (await listReleases(index))[1], { transport });
  expect(installedVersions(dataDir)).toEqual(['1.58.1', '1.10.0']);
  expect(installedFolder(dataDir)).toBe(folder);
  expect(leftOver()).toEqual([]);
  removeVersion(dataDir, '1.58.1');
  expect(installedVersions(dataDir)).toEqual(['1.10.0']);
  expect(() => removeVersion(dataDir, '../..')).toThrow(/not installed/);
});

test('a download that breaks off goes on where it was', async () => {
  let held: ServerResponse | undefined;
  answer = (response, body) => {
    held = response.writeHead(200, { 'content-length': body.length });
    response.write(body.subarray(0, 1000));
  };
  const hangUp = ({ receivedBytes }: { receivedBytes: number }) => {
    if (receivedBytes === 1000) held?.destroy(); // the client has them
  };
  await installRelease(dataDir, await newest(), { transport, onProgress: hangUp });
  expect(requests.filter((r) => r.startsWith('/files'))).toEqual(['/files/1.58.1', '/files/1.58.1 bytes=1000-']);
});

test('a wheel with another hash than the index says is never unpacked', async () => {
  const release = await newest();
  wheels.set('1.58.1', Buffer.from(wheelOf('evil!!')));
  await expect(installRelease(dataDir, release, { transport })).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
  expect(installedVersions(dataDir)).toEqual([]);
});

test.each([
  ['leads out of the folder', `${STATIC}../../../evil.txt`],
  ['is absolute', '/evil.txt'],
  ['is a path of Windows', `${STATIC}C:\\evil.txt`],
])('a wheel with a name that %s is refused whole', async (_, name) => {
  wheels.set('1.58.1', wheelOf('1.58.1', file(name, 'evil')));
  await expect(install()).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
  expect(installedVersions(dataDir)).toEqual([]);
  expect(existsSync(join(dataDir, 'evil.txt'))).toBe(false);
});

test('zips that lie about sizes, are cut off or hold no front end are refused', async () => {
  const lies: Buffer[] = [
    wheelOf('1', { name: `${STATIC}b.js`, data: Buffer.alloc(5000), size: 10 }),
    wheelOf('1', { name: `${STATIC}b.js`, data: Buffer.alloc(10), size: 2 ** 31 + 5 }),
    wheelOf('1').subarray(0, 2000),
    makeZip([file('index.html', '')]),
    Buffer.from('not a zip'),
  ];
  for (const body of lies) {
    wheels.set('1.58.1', body);
    await expect(install()).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
  }
  expect(installedVersions(dataDir)).toEqual([]);
});

test('a full disk is said before the download, and an installed version stays', async () => {
  await install();
  const full = { ...transport, freeBytes: async () => 100 };
  await expect(installRelease(dataDir, await newest(), { transport: full })).rejects.toMatchObject({
    code: 'FILE_UNWRITABLE',
  });
  expect(installedVersions(dataDir)).toEqual(['1.58.1']);
});

test.each([
  ['a page', () => '<html>', /not the JSON of PEP 691/],
  ['JSON of another kind', () => '{}', /not the JSON of PEP 691/],
  [
    'a file on the disk',
    () =>
      JSON.stringify({
        files: [
          {
            filename: 'comfyui_frontend_package-1.0-py3-none-any.whl',
            url: 'file:///etc/passwd',
            hashes: { sha256: 'a' },
          },
        ],
      }),
    /leads to file:/,
  ],
])('an index that answers with %s is refused', async (_, body, message) => {
  indexBody = body;
  await expect(listReleases(index)).rejects.toThrow(message);
});

test('the command says licence, size and source first, and never shows the token of the hub', async () => {
  const args = ['--data-dir', dataDir, '--index', index];
  const env = { HF_TOKEN: 'secret' };
  const { code, stdout, stderr } = await runCli(['front-end', 'install', ...args], { env });
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${join(dataDir, 'front-end', '1.58.1')}\n` });
  expect(stderr.indexOf('GPL-3.0, 1 MB from 127.0.0.1')).toBeLessThan(stderr.indexOf('downloading'));
  expect(requests.join()).not.toContain('secret');
  const unknown = await runCli(['front-end', 'install', '3.0', ...args]);
  expect(unknown.stderr).toMatch(/has no version 3\.0 of the front end; the newest are 1\.58\.1, 1\.10\.0/);
  expect((await runCli(['front-end', 'list', '--data-dir', dataDir])).stdout).toMatch(/^1\.58\.1 {2}.*1\.58\.1\n$/);
  const serve = await runCli(['serve', '--data-dir', dataDir, '--front-end', '2.0']);
  expect(serve.stderr).toMatch(/front end 2\.0 is not installed .*there are 1\.58\.1.*front-end install 2\.0" gets it/);
});

// `pez-nodes serve`: it starts, says where, stops in good order, and says what is in its way.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json } from '../helpers/server.ts';
import { type Outcome, picture, root, runCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'pez-serve-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Serving {
  readonly url: string;
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
}
const started: Serving[] = [];
afterEach(async () => {
  for (const { child, ended } of started.splice(0)) {
    child.kill('SIGKILL');
    await ended;
  }
});

/** Starts it on a free port and waits for its address. */
async function serve(dataDir: string, ...more: string[]): Promise<Serving> {
  let child: ChildProcess | undefined;
  const serving = await new Promise<Serving>((resolve, reject) => {
    const args = ['serve', '--port', '0', '--data-dir', join(folder, dataDir), ...more];
    const ended = runCli(args, {
      detached: true,
      onStart: (process) => {
        child = process;
      },
      onStderr: (soFar) => {
        const [, url] = /^pez-nodes listens on (http:\/\/\S+)$/m.exec(soFar) ?? [];
        if (url) resolve({ url, child: child!, ended });
      },
    });
    ended.then(({ stderr }) => reject(new Error(`it ended: ${stderr}`)), reject);
  });
  started.push(serving);
  return serving;
}
const get = async (url: string): Promise<Json> => (await fetch(url)).json();

test.each(['SIGINT', 'SIGTERM'] as const)(
  'it says where it listens, answers there, and stops at %s',
  async (signal) => {
    const { url, child, ended } = await serve('signals');
    expect(Object.keys(await get(`${url}/object_info`))).toContain('PEZInvert');
    child.kill(signal);
    const { code, stdout, stderr } = await ended;
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toContain('Stopping');
    await expect(fetch(url)).rejects.toThrow();
  },
);

test('a port or a data folder that another one uses: exit code 2, and what to do', async () => {
  const { url } = await serve('first');
  const { port } = new URL(url);
  const samePort = await runCli(['serve', '--port', port, '--data-dir', join(folder, 'second')]);
  expect(samePort.code).toBe(2);
  expect(samePort.stderr).toMatch(
    new RegExp(
      `error: Cannot listen on 127\\.0\\.0\\.1 port ${port}: another .* is listening there\\. .*\\[OPTION_INVALID\\]`,
    ),
  );
  const sameFolder = await runCli(['serve', '--port', '0', '--data-dir', join(folder, 'first')]);
  expect(sameFolder.code).toBe(2);
  expect(sameFolder.stderr).toMatch(/error: .*(first).*\[\w+\]\n$/);
  expect(await get(`${url}/queue`)).toEqual({ queue_running: [], queue_pending: [] });
});

test.each([['SIGINT'], ['SIGTERM']] as const)(
  '%s to the whole process group, worker included, loses nothing: the prompt that ran runs again at the next start',
  async (signal) => {
    const path = join(folder, `${signal} go on`);
    const packs = ['--packs', join(root, 'test/fixtures/test-pack')];
    const first = await serve(signal, ...packs);
    const prompt = {
      1: { class_type: 'TestUntilFile', inputs: { path } },
      2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
    };
    const { prompt_id } = (await (
      await fetch(`${first.url}/prompt`, { method: 'POST', body: JSON.stringify({ prompt }) })
    ).json()) as Json;
    while ((await get(`${first.url}/queue`)).queue_running.length === 0);
    process.kill(-first.child.pid!, signal);
    expect((await first.ended).code).toBe(0);
    const second = await serve(signal, ...packs);
    expect(await get(`${second.url}/history/${prompt_id}`)).toEqual({});
    writeFileSync(path, '');
    let entry: Json;
    while (!entry) entry = (await get(`${second.url}/history/${prompt_id}`))[prompt_id];
    expect(entry.status.status_str).toBe('success');
  },
);

test.each([
  [['--port', '70000'], /--port must be a whole number from 0 to 65535, but is 70000/],
  [['--port', 'x'], /--port must be a whole number from 0 to 65535, but is "x"\./],
  [['--cache', 'lru:0'], /--cache must be classic, none or lru:/],
  [['--max-upload-size', '0'], /--max-upload-size must be a number above 0, but is 0/],
  [['--max-memory', '0'], /--max-memory must be a number above 0, but is 0/],
  [['--listen', '203.0.113.1', '--port', '0'], /Others can reach 203\.0\.113\.1: give a --token/],
  [['--listen', '203.0.113.1', '--port', '0', '--insecure'], /Cannot listen on 203\.0\.113\.1/],
  [['--front-end-root', 'nope'], /--front-end-root must be a folder with an index\.html .*, but is "nope"/],
  [['--front-end-root', folder], /--front-end-root must be a folder with an index\.html/],
  [['--packs', 'nope'], /--packs must be a folder of packs \(or a pack\) that exists, but is "nope"/],
  [
    ['--clip', 'nope'],
    /--clip must be a bundled model \(pico-clip\), .*a folder or \.safetensors file that exists, or a hub id .*, but is "nope"/,
  ],
  [['--checkpoint', 'nope'], /--checkpoint must be a bundled model \(pico-diffusion\), .*a folder .*, but is "nope"/],
  [['--clip', picture], /picture-90x61\.png is a file; give the folder that holds the model/],
])('%j is refused', async (args, message) => {
  const { code, stderr } = await runCli(['serve', '--data-dir', join(folder, 'never'), ...args]);
  expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
});

const onLinux = process.platform === 'linux' ? test : test.skip;
onLinux('a data folder that cannot be made is told at once', async () => {
  const { code, stderr } = await runCli(['serve', '--port', '0', '--data-dir', '/proc/nope/data']);
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/^error: \/proc\/nope.* can't be made: choose another --data-dir\. \[FILE_UNWRITABLE\]\n$/),
  ]);
});

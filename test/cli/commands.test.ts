// The commands on good input: what goes to stdout, what to stderr, and the files they leave.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { loadClip } from '../../engine/clip/clip.ts';
import { cosine } from '../../engine/vector.ts';
import { tinyClipFiles } from '../clip/tiny-clip.ts';
import { checkpointDir } from '../diffusion/fixture.ts';
import { sha256, startMirror } from '../hub/hub-mirror.ts';
import { fixtures, picture, root, runCli, standin } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'pez-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

const quick = ['--clip', standin, '--length', '4', '--steps', '12', '--restarts', '2', '--polish', '2', '--seed', '5'];

test('invert prints the prompt alone on stdout, the rest on stderr', async () => {
  const { code, stdout, stderr } = await runCli(['invert', picture, ...quick]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\S.*\S\n$/);
  expect(stdout.split('\n')).toHaveLength(2);
  expect(stderr).toMatch(/^step \d+\/14 /);
  expect(stderr).toMatch(/\nsimilarity \d\.\d{4}, \d+ steps in .* seed 5/);
});

test('invert --json prints one object whose similarity is that of its prompt', async () => {
  const other = join(fixtures, 'picture-33x140.png');
  const args = ['invert', picture, other, '--weights', '1,3', '--top-k', '3', '--json', ...quick];
  const { code, stdout } = await runCli(args);
  expect(code).toBe(0);
  const result = JSON.parse(stdout);
  expect(stdout.trim().split('\n')).toHaveLength(1);
  expect(Object.keys(result)).toEqual(
    expect.arrayContaining([
      'prompt',
      'tokens',
      'similarity',
      'model',
      'seed',
      'steps',
      'stepsPerSecond',
      'seconds',
      'candidates',
    ]),
  );
  expect(result).toMatchObject({ model: standin, seed: 5 });
  expect(result.tokens[0]).toEqual({ id: expect.any(Number), text: expect.any(String) });
  expect(result.candidates.length).toBeGreaterThan(0);
  const clip = await loadClip(standin);
  const [text] = await clip.text.encode([result.prompt]);
  const [a, b] = await clip.image.encode([picture, other]);
  expect(result.similarity).toBeCloseTo((cosine(text, a) + 3 * cosine(text, b)) / 4, 5);
  expect(clip.tokenizer.encode(result.prompt)).toEqual(result.tokens.map((t: { id: number }) => t.id));
});

test('the same seed gives the same prompt', async () => {
  const run = () => runCli(['invert', picture, '--quiet', ...quick]);
  const [first, second] = [await run(), await run()];
  expect(first.stdout).toBe(second.stdout);
});

test('invert --plot leaves a PNG and nothing beside it', async () => {
  const plot = join(folder, 'new/plots/course.png');
  const { code } = await runCli(['invert', picture, '--plot', plot, ...quick]);
  expect(code).toBe(0);
  expect(readdirSync(join(folder, 'new/plots'))).toEqual(['course.png']);
  expect(await sharp(plot).metadata()).toMatchObject({ format: 'png', width: 2240, height: 1120 });
});

test('lists of words come from files, and templates and negative targets pass through', async () => {
  const list = join(folder, 'words.txt');
  writeFileSync(list, 'red\napple\n\ntiger\nsnow\nsky\n');
  const args = [
    '--allow',
    `@${list}`,
    '--template',
    'a photo of {}',
    '--negative-text',
    'blue sky',
    '--target-text',
    'red apple',
  ];
  const { code, stdout } = await runCli(['invert', ...args, ...quick]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^a photo of (\w*(red|apple|tiger|snow|sky)\w* ?)+\n$/);
});

test('encode prints a line for each text and image', async () => {
  const { code, stdout } = await runCli(['encode', 'a red apple', picture, '--clip', standin]);
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines.map((line) => line.split('\t')[0])).toEqual(['a red apple', picture]);
  for (const line of lines) expect(line.split('\t')[1].split(' ')).toHaveLength(24);
});

test('encode --json says what each input was taken for', async () => {
  const { stdout } = await runCli(['encode', 'tiger', picture, '--clip', standin, '--json']);
  const { dim, embeddings } = JSON.parse(stdout);
  expect(dim).toBe(24);
  expect(embeddings.map((e: { kind: string }) => e.kind)).toEqual(['text', 'image']);
  expect(Math.hypot(...embeddings[0].embedding)).toBeCloseTo(1, 5);
});

test('similarity sorts the texts', async () => {
  const { code, stdout } = await runCli(['similarity', picture, 'red apple', 'blue sky', 'tiger', '--clip', standin]);
  expect(code).toBe(0);
  const values = stdout
    .trimEnd()
    .split('\n')
    .map((line) => Number.parseFloat(line));
  expect(values).toHaveLength(3);
  expect(values).toEqual([...values].sort((a, b) => b - a));
});

test('models: pull, list, path', async () => {
  const files = new Map([...tinyClipFiles()].map(([path, body]) => [`org/tiny/${path}`, { body, etag: sha256(body) }]));
  const mirror = await startMirror(files);
  const env = { HF_HOME: join(folder, 'home'), HF_ENDPOINT: mirror.endpoint, HF_HUB_OFFLINE: '0' };
  try {
    const pulled = await runCli(['models', 'pull', 'org/tiny'], { env });
    expect(pulled).toMatchObject({ code: 0, stdout: `${join(folder, 'home/pez-nodes/org/tiny/main')}\n` });
    const bytes = [...files.values()].reduce((sum, { body }) => sum + body.length, 0);
    expect(pulled.stderr).toContain(`downloading org/tiny: ${files.size} files, ${(bytes / 1e6).toFixed(1)} MB\n`);
    expect(pulled.stderr).toContain('downloading text_model.onnx');
    const half = await runCli(['encode', 'red cat', '--clip', 'org/tiny', '--dtype', 'fp16'], { env });
    expect(half).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('org/tiny has no onnx/text_model_fp16.onnx: onnx/text_model.onnx is used.'),
    });
  } finally {
    await mirror.close();
  }
  const listed = await runCli(['models', 'list', '--json'], { env });
  const { models } = JSON.parse(listed.stdout);
  expect(models.find((m: { name: string }) => m.name === 'org/tiny')).toMatchObject({ kind: 'downloaded' });
  expect((await runCli(['models', 'path', 'org/tiny'], { env })).stdout).toBe(pulledDir());
  expect((await runCli(['encode', 'red cat', '--clip', 'org/tiny'], { env })).code).toBe(0);
});

test('models: pull, list and path know checkpoints by their index of parts', async () => {
  const source = checkpointDir('lcm');
  const paths = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((p) =>
    statSync(join(source, p)).isFile(),
  );
  const mirror = await startMirror(
    new Map(
      paths.map((path) => [`org/draws/${path.replaceAll('\\', '/')}`, { body: readFileSync(join(source, path)) }]),
    ),
  );
  const env = { HF_HOME: join(folder, 'home'), HF_ENDPOINT: mirror.endpoint, HF_HUB_OFFLINE: '0' };
  const dir = join(folder, 'home/pez-nodes/org/draws/main');
  try {
    const pulled = await runCli(['models', 'pull', 'org/draws'], { env });
    expect(pulled).toMatchObject({ code: 0, stdout: `${dir}\n` });
    const absent = await runCli(['models', 'pull', 'org/nothing'], { env });
    expect(absent).toMatchObject({ code: 2, stderr: expect.stringContaining('There is no model org/nothing') });
  } finally {
    await mirror.close();
  }
  const { models } = JSON.parse((await runCli(['models', 'list', '--json'], { env })).stdout);
  expect(models).toContainEqual({ name: 'org/draws', kind: 'downloaded', dir, bytes: expect.any(Number) });
  for (const name of ['org/draws', dir])
    expect((await runCli(['models', 'path', name], { env })).stdout).toBe(`${dir}\n`);
  expect((await runCli(['models', 'path', 'org/elsewhere'], { env })).stderr).toContain('pez-nodes models pull');
});

test('bundled models are listed with their folders: the CLIP and the checkpoint', async () => {
  const { models } = JSON.parse((await runCli(['models', 'list', '--json'])).stdout);
  for (const name of ['pico-clip', 'pico-diffusion']) {
    const dir = join(root, 'models', name);
    expect(models).toContainEqual({ name, kind: 'bundled', dir, bytes: expect.any(Number) });
    expect((await runCli(['models', 'path', name])).stdout).toBe(`${dir}\n`);
  }
});

const pulledDir = () => `${join(folder, 'home/pez-nodes/org/tiny/main')}\n`;

test('Ctrl-C prints the best so far', async () => {
  const args = [
    'invert',
    picture,
    '--clip',
    standin,
    '--steps',
    '1000000',
    '--no-early-stop',
    '--restarts',
    '1',
    '--json',
  ];
  let sent = false;
  const { code, stdout, stderr } = await runCli(args, {
    onStderr: (soFar, child) => {
      if (!sent && soFar.includes('step 1/')) sent = child.kill('SIGINT');
    },
  });
  expect([code, stderr.includes('Stopping with the best so far')]).toEqual([0, true]);
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ aborted: true, prompt: expect.stringMatching(/\w/) });
  expect(result.steps).toBeLessThan(1_000_000);
});

test('a reader that closes the pipe is no error', async () => {
  const texts = Array.from({ length: 40 }, (_, i) => `text ${i}`);
  const outcome = await runCli(['encode', ...texts, '--clip', standin], {
    onStart: (child) => child.stdout?.destroy(),
  });
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
});

test('--version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
  expect((await runCli(['--version'])).stdout.trim()).toBe(version);
});

test("models check prints a table of a CLIP's parts, and where their nodes run", async () => {
  const { code, stdout, stderr } = await runCli(['models', 'check', standin]);
  const progress = ['text', 'vision', 'gradient'].map((part) => `checking the ${part}\n`).join('');
  expect({ code, stderr }).toEqual({ code: 0, stderr: progress });
  expect(stdout).toMatch(/^.*: a CLIP in .*\n\npart +nodes +ms\ntext +\d+ +[\d.]+\nvision /);
  expect(stdout).toMatch(/^text on cpu: .*MatMul \d+/m);
});

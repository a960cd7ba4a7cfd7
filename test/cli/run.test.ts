// `pez-nodes run`: a graph from the command line, through the server's validation, worker and executor.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { assign, parseAssignment, parsePicture, readGraphFile } from '../../cli/graph-file.ts';
import { nodes } from '../../nodes/index.ts';
import { apiGraph } from '../../schemas/prompt.ts';
import { parseJson } from '../../server/json.ts';
import { root, runCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'pez-run-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const pack = join(root, 'test/fixtures/test-pack');
const tiger = join(root, 'examples/tiger.png');
/** Where the command keeps its own files, so that what it leaves is seen. */
const own = mkdtempSync(join(folder, 'tmp-'));
const run = (args: readonly string[], options: Parameters<typeof runCli>[1] = {}) =>
  runCli(['run', ...args], { cwd: folder, env: { TMPDIR: own, TEMP: own }, ...options });
function graphFile(name: string, graph: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(graph));
  return path;
}
const quick = ['--set', 'PEZInvert.steps=3', '--set', '3.restarts=1', '--set', '3.length=3', '--set', '3.polish=0'];

test('without a graph it lists the templates, one a line: the name, then what it does', async () => {
  const { templates } = JSON.parse(readFileSync(join(root, 'manifest.json'), 'utf8'));
  const { code, stdout } = await run([]);
  const lines = stdout.trimEnd().split('\n');
  expect([code, lines.map((line) => line.split(/ {2,}/))]).toEqual([
    0,
    templates.map(({ name, description }: Record<string, string>) => [name, description]),
  ]);
  expect(new Set(lines.map((line) => line.search(/ {2}\S/))).size).toBe(1);
});

test('a picture that is none is named as it was given', async () => {
  const { code, stderr } = await run(['image-to-prompt', '--image', join(root, 'README.md'), '--quiet']);
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/^error: Node 1 \(LoadImage\) failed: README\.md is not an image/),
  ]);
});

test('two pictures of one name are two pictures', async () => {
  const other = join(folder, 'other');
  mkdirSync(other);
  copyFileSync(join(root, 'examples/house.png'), join(other, 'tiger.png'));
  const graph = graphFile('two.json', {
    1: { class_type: 'LoadImage', inputs: { image: 'x' } },
    2: { class_type: 'LoadImage', inputs: { image: 'x' } },
    3: { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'one' } },
    4: { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'two' } },
  });
  const pictures = [`1=${tiger}`, `2=${join(other, 'tiger.png')}`].flatMap((p) => ['--image', p]);
  const { code } = await run([graph, ...pictures, '--out', 'same', '--quiet']);
  expect(code).toBe(0);
  const raw = (path: string) => sharp(path).removeAlpha().raw().toBuffer();
  for (const [saved, given] of [
    ['one', tiger],
    ['two', join(other, 'tiger.png')],
  ])
    expect((await raw(join(folder, `same/${saved}_00001_.png`))).equals(await raw(given))).toBe(true);
});

test('a value that its input cannot take is told in plain words', async () => {
  const set = ['KSampler.steps=abc', 'KSampler.cfg=many'];
  const { code, stderr } = await run(['text-to-image', ...set.flatMap((s) => ['--set', s])]);
  expect([code, stderr.split('\n').slice(0, -1)]).toEqual([
    2,
    [
      'error: The graph cannot run:',
      '  node 3 (KSampler): steps must be a whole number, but is "abc"',
      '  node 3 (KSampler): cfg must be a number, but is "many" [GRAPH_INVALID]',
    ],
  ]);
});

test('a template with a picture of ours: the prompt on stdout, the plot in --out, and nothing left behind', async () => {
  const { code, stdout, stderr } = await run(['image-to-prompt', '--image', tiger, '--out', 'plots', ...quick]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\S.*\n$/);
  const [plot] = readdirSync(join(folder, 'plots'));
  expect((await sharp(join(folder, 'plots', plot)).metadata()).format).toBe('png');
  expect(stderr.split('\n').filter(Boolean)).toEqual([
    'Load Image …',
    'Load CLIP …',
    'PEZ Invert …',
    'Prompt …',
    'The search …',
    `The search: ${join('plots', plot)}`,
  ]);
  expect(readdirSync(own)).toEqual([]);
});

test('a graph as a front end saves it, --json and --quiet: one object with every result', async () => {
  const saved = join(root, 'templates/distil-prompt.json');
  const set = [
    'DistilPrompt.steps=2',
    'DistilPrompt.restarts=1',
    'DistilPrompt.polish=0',
    '1.value=a tiger on the grass',
  ];
  const { code, stdout, stderr } = await run([saved, '--json', '--quiet', ...set.flatMap((s) => ['--set', s])]);
  expect([code, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toEqual({
    status: 'success',
    results: expect.arrayContaining([
      { node: '4', title: 'Short prompt', text: [expect.stringMatching(/\w/)], files: [] },
      { node: '5', title: 'Similarity to the text', text: [expect.stringMatching(/^-?[01]?\.?\d*/)], files: [] },
    ]),
  });
});

test('pictures of a second run do not replace those of the first', async () => {
  const graph = graphFile('save.json', {
    1: { class_type: 'LoadImage', inputs: { image: 'tiger.png' } },
    2: { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'a/x' } },
  });
  for (const [image, expected] of [
    [tiger, 'x_00001_.png'],
    [join(root, 'examples/house.png'), 'x_00002_.png'],
  ]) {
    const { code, stderr } = await run([graph, '--image', `LoadImage=${image}`, '--out', 'kept', '--quiet']);
    expect([code, stderr]).toEqual([0, `SaveImage: ${join('kept', 'a', expected)}\n`]);
  }
  const raw = (path: string) => sharp(path).removeAlpha().raw().toBuffer();
  expect((await raw(join(folder, 'kept/a/x_00001_.png'))).equals(await raw(tiger))).toBe(true);
  expect(readdirSync(join(folder, 'kept/a'))).toEqual(['x_00001_.png', 'x_00002_.png']);
});

test('integers above 2^53 keep every digit, in the file and in --set', async () => {
  const path = join(folder, 'large.json');
  const inputs = (seed: string) => `{"class_type":"TestWidgets","inputs":{"int":${seed}}}`;
  writeFileSync(path, `{"1":${inputs('9007199254740993')},"2":${inputs('0')}}`);
  const { code, stdout } = await run([path, '--packs', pack, '--quiet', '--set', '2.int=18446744073709551615']);
  expect([code, stdout.match(/"int":"\d+n"/g)]).toEqual([
    0,
    ['"int":"9007199254740993n"', '"int":"18446744073709551615n"'],
  ]);
});

test('every error of a graph is told, exit code 2, and nothing runs', async () => {
  const set = ['3.steps=0', '3.length=1e9', '1.image=none.png', '2.clip_name=nope'];
  const { code, stdout, stderr } = await run(['image-to-prompt', ...set.flatMap((s) => ['--set', s])]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr.split('\n').slice(0, -1)).toEqual([
    'error: The graph cannot run:',
    expect.stringMatching(/^ {2}node 1 \(LoadImage\): .*none\.png/),
    expect.stringMatching(/^ {2}node 2 \(CLIPLoader\): Value not in list: clip_name: 'nope' not in \['pico-clip'\]/),
    expect.stringMatching(/^ {2}node 3 \(PEZInvert\): Value 1000000000 bigger than max of \d+: length/),
    expect.stringMatching(/^ {2}node 3 \(PEZInvert\): Value 0 smaller than min of 1: steps \[GRAPH_INVALID\]$/),
  ]);
});

test('a node that fails: what others gave is shown, then the error with its node; a pack that does not load is told', async () => {
  const graph = graphFile('fail.json', {
    1: { class_type: 'TestShow', inputs: { value: 'before' } },
    2: { class_type: 'TestFail', inputs: { message: 'no luck' } },
    3: { class_type: 'TestShow', inputs: { value: ['2', 0] } },
  });
  const { code, stdout, stderr } = await run([graph, '--packs', pack, '--packs', 'nowhere', '--quiet']);
  expect([code, stdout]).toEqual([2, '"before"\n']);
  expect(stderr).toMatch(
    /^pack nowhere was not loaded: .*\nerror: Node 2 \(TestFail\) failed: no luck\b[\s\S]*\[GRAPH_FAILED\]\n$/,
  );
});

test('a folder that cannot be written is told before anything runs', async () => {
  writeFileSync(join(folder, 'a-file'), '');
  const { code, stderr } = await run(['image-to-prompt', '--out', 'a-file']);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^error: Cannot write a-file.*\[FILE_UNWRITABLE\]\n$/)]);
});

test('Ctrl-C ends it with 130, its worker too, and nothing is left behind', async () => {
  const graph = graphFile('wait.json', {
    1: { class_type: 'TestPid', inputs: {} },
    2: { class_type: 'TestUntilFile', inputs: { path: join(folder, 'never') } },
    3: { class_type: 'TestShow', inputs: { value: ['2', 0] } },
  });
  let asked = false;
  const { code, stdout, stderr } = await run([graph, '--packs', pack], {
    detached: true,
    onStderr: (soFar, child) => {
      if (asked || !soFar.includes('TestUntilFile …')) return;
      asked = true;
      process.kill(-child.pid!, 'SIGINT'); // to the whole group, as a terminal does
    },
  });
  expect([code, stderr]).toEqual([130, expect.stringContaining('\nStopping; Ctrl-C again quits at once.\n')]);
  const worker = Number(stdout);
  expect(worker).toBeGreaterThan(0);
  expect(() => process.kill(worker, 0)).toThrow(/ESRCH/);
  expect(readdirSync(own)).toEqual([]);
});

describe('what is given', () => {
  const registry = new Map(nodes.map((definition) => [definition.type, { definition, module: 'nodes' }]));
  const graph = apiGraph.parse(JSON.parse(readFileSync(join(root, 'templates/api/blend-two-images.json'), 'utf8')));
  const set = (...texts: string[]) => assign(graph, texts.map(parseAssignment), registry);

  test('nodes go by id, title or class; values are JSON, but text where the input is text', () => {
    const { 4: blend, 1: first } = set(
      '4.length=3',
      'PromptBlend.prompts=true',
      'Prompt Blend.mode=joint',
      '1.image=007=x.png',
    );
    expect(blend.inputs).toMatchObject({ length: 3, prompts: 'true', mode: 'joint' });
    expect(first.inputs.image).toBe('007=x.png');
    expect(set('4.prompts=["5",0]')[4].inputs.prompts).toEqual(['5', 0]);
    expect(graph[4].inputs.length).toBe(8);
  });

  test('a graph file is read as the server reads the same text', async () => {
    const text = readFileSync(join(root, 'templates/api/text-to-image.json'), 'utf8');
    for (const seed of ['9007199254740993', '9223372036854775807', '18446744073709551615', 'NaN']) {
      const path = join(folder, 'seed.json');
      writeFileSync(path, text.replace(/"seed": \d+/, `"seed": ${seed}`));
      const read = await readGraphFile(path, registry);
      expect(read).toEqual(parseJson(readFileSync(path, 'utf8')));
      expect(String(read[3].inputs.seed)).toBe(seed);
      expect(assign(read, [parseAssignment(`KSampler.seed=${seed}`)], registry)).toEqual(read);
    }
  });

  test.each([
    ['steps=3', /must be node\.input=value, such as PEZInvert\.length=4, but is "steps=3"/],
    ['4.steps', /but is "4\.steps"/],
    ['9.steps=3', /no node "9"\. It has: 1 \(Load Image\), /],
    ['LoadImage.image=a.png', /"LoadImage" stands for 2 nodes \(1, 2\): give an id/],
    ['4.lenght=3', /Node 4 \(Prompt Blend\) has no input "lenght"\. It has: .*length/],
    ['4.__proto__=3', /has no input "__proto__"/],
  ])('--set %s is refused', (text, message) => expect(() => set(text)).toThrow(message));

  test.each([
    [tiger, /2 Load Image nodes \(1, 2\): say which, as --image 1=/],
    ['nowhere.png', /there is no file "nowhere\.png"/],
    [`1=${root}`, /there is no file/],
    [`9=${tiger}`, /no node "9"/],
  ])('--image %s is refused', (text, message) => expect(() => parsePicture(text, graph)).toThrow(message));

  test('--image is refused for a graph that loads no picture', () => {
    const drawing = apiGraph.parse(JSON.parse(readFileSync(join(root, 'templates/api/text-to-image.json'), 'utf8')));
    expect(() => parsePicture(tiger, drawing)).toThrow(/^--image: there is no Load Image node in this graph\.$/);
  });

  test.each([
    ['nope', undefined, /no template and no file "nope"\. Templates: image-to-prompt, /],
    ['image-to-promt', undefined, /no file "image-to-promt"\. Did you mean image-to-prompt\? Templates: /],
    ['Text-To-Image', undefined, /Did you mean text-to-image\?/],
    ['text.json', 'hello', /Cannot read the graph .*text\.json/],
    ['list.json', '[]', /is not a graph: neither in API format nor as a front end saves it/],
  ])('the graph %s is refused', async (name, text, message) => {
    const path = text === undefined ? name : join(folder, name);
    if (text !== undefined) writeFileSync(path, text);
    await expect(readGraphFile(path, registry)).rejects.toThrow(message);
    expect(existsSync(path)).toBe(text !== undefined);
  });
});

// Bad input: one sentence that says what to mend, exit code 2, nothing on stdout, nothing half-written.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { errorCodes } from '../../engine/errors.ts';
import { pngHeader } from '../image/png-header.ts';
import { picture, runCli, standin } from './run-cli.ts';
import { writeSimilarityGraph } from './similarity-graph.ts';

const folder = mkdtempSync(join(tmpdir(), 'pez-bad-'));
afterAll(() => rmSync(folder, { recursive: true }));

const plot = join(folder, 'out/plot.png');
const invert = (...args: string[]) => ['invert', ...args, '--steps', '5', '--plot', plot];
const write = (name: string, bytes: Uint8Array | string) => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

function brokenModel(name: string, breakIt: (dir: string) => void): string {
  const dir = join(folder, name);
  cpSync(standin, dir, { recursive: true });
  breakIt(dir);
  return dir;
}

const cases: [name: string, args: () => string[], code: keyof typeof errorCodes, message: RegExp][] = [
  ['a text as image', () => invert(write('a.png', 'hello'), '--clip', standin), 'IMAGE_UNREADABLE', /not an image/],
  [
    'a truncated image',
    () => invert(write('cut.png', readFileSync(picture).subarray(0, 200)), '--clip', standin),
    'IMAGE_UNREADABLE',
    /cut\.png/,
  ],
  ['an empty image', () => invert(write('empty.png', ''), '--clip', standin), 'IMAGE_UNREADABLE', /is empty/],
  [
    'an image of 0 × 0',
    () => invert(write('zero.png', pngHeader(0, 0)), '--clip', standin),
    'IMAGE_UNREADABLE',
    /zero/,
  ],
  [
    'a decompression bomb',
    () => invert(write('bomb.png', pngHeader(50_000, 50_000)), '--clip', standin),
    'IMAGE_TOO_LARGE',
    /bomb\.png has/,
  ],
  ['a directory', () => invert(folder, '--clip', standin), 'IMAGE_UNREADABLE', /is a directory/],
  ['a missing image', () => invert('nowhere.png', '--clip', standin), 'IMAGE_UNREADABLE', /no such file/],
  [
    'a missing image for encode',
    () => ['encode', 'nowhere.png', '--clip', standin],
    'IMAGE_UNREADABLE',
    /no such file/,
  ],
  ['an unknown model', () => invert(picture, '--clip', 'no-such'), 'MODEL_NOT_FOUND', /no model "no-such".*hub id/],
  [
    'a hub model without a network',
    () => invert(picture, '--clip', 'org/x'),
    'MODEL_NOT_FOUND',
    /put config\.json.* into /,
  ],
  [
    'a corrupt ONNX file',
    () =>
      invert(
        picture,
        '--clip',
        brokenModel('corrupt', (dir) => writeFileSync(join(dir, 'onnx/text_model.onnx'), 'x'.repeat(999))),
      ),
    'MODEL_INVALID',
    /corrupt.onnx.text_model\.onnx/,
  ],
  [
    'a model without a text tower',
    () =>
      invert(
        picture,
        '--clip',
        brokenModel('textless', (dir) => rmSync(join(dir, 'onnx/text_model.onnx'))),
      ),
    'MODEL_UNSUPPORTED',
    /no text tower/,
  ],
  [
    'a model without a vision tower',
    () =>
      invert(
        picture,
        '--clip',
        brokenModel('blind', (dir) => rmSync(join(dir, 'onnx/vision_model.onnx'))),
      ),
    'MODEL_UNSUPPORTED',
    /cannot read images/,
  ],
  ['length 0', () => invert(picture, '--clip', standin, '--length', '0'), 'OPTION_INVALID', /length.*0/],
  [
    'a length beyond the context',
    () => invert(picture, '--clip', standin, '--length', '60'),
    'OPTION_INVALID',
    /length.*60/,
  ],
  [
    'an allow-list that leaves no token',
    () => invert(picture, '--clip', standin, '--allow', 'qqqqqqq', '--block', 'q'),
    'VOCABULARY_EMPTY',
    /./,
  ],
  ['nothing to invert', () => invert('--clip', standin), 'OPTION_INVALID', /nothing to invert/],
  [
    'weights that do not fit',
    () => invert(picture, '--weights', '1,2', '--clip', standin),
    'OPTION_INVALID',
    /a number for each target, 1 in all.*has 2/,
  ],
  ['a plot that is no PNG', () => ['invert', picture, '--plot', 'x.jpg'], 'OPTION_INVALID', /\.png/],
  ['a plot into a file', () => ['invert', picture, '--plot', join(picture, 'x.png')], 'FILE_UNWRITABLE', /x\.png/],
  [
    'a text beyond the context',
    () => ['similarity', picture, 'red '.repeat(99), '--clip', standin],
    'OPTION_INVALID',
    /99 tokens; the model reads at most 22/,
  ],
];

test.each(cases)('%s', async (_, args, code, message) => {
  mkdirSync(join(folder, 'out'), { recursive: true });
  const outcome = await runCli(args());
  expect(outcome).toMatchObject({ code: 2, stdout: '' });
  const lines = outcome.stderr.trimEnd().split('\n');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(message);
  expect(lines[0]).toMatch(new RegExp(`^error: .* \\[${code}\\]$`));
  expect(readdirSync(join(folder, 'out'))).toEqual([]);
});

test.each([
  [['invert', picture, '--length', 'many'], /--length must be a number, but is "many"\./],
  [['invert', picture, '--vocabulary', 'none'], /Allowed choices/],
  [['invert', picture, '--no-such-option'], /unknown option/],
  [['no-such-command'], /unknown command/],
  [['similarity', picture], /missing required argument/],
])('the usage of %j', async (args, message) => {
  const outcome = await runCli(args);
  expect(outcome).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
  expect(existsSync(plot)).toBe(false);
});

// Elsewhere than on Linux the graphics card's own driver is there whatever the environment says.
(process.platform === 'linux' ? test : test.skip)('a machine without a driver says what WebGPU needs', async () => {
  const options = { env: { VK_DRIVER_FILES: '/no/such/driver.json' }, cwd: folder };
  const webgpu = ['--clip', standin, '--device', 'webgpu'];
  for (const command of [
    ['encode', 'a fox'],
    ['run', writeSimilarityGraph(folder), '--quiet'],
  ]) {
    const { code, stdout, stderr } = await runCli([...command, ...webgpu], options);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(
      'The device webgpu is not available here (Failed to get a WebGPU adapter: No supported adapters): it needs a graphics card that its driver offers to Dawn (Vulkan, Metal or Direct3D 12). This onnxruntime has cpu, webgpu',
    );
  }
});

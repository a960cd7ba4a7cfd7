// `pez-nodes demo`: the chain picture → prompt → picture on the models that come with the repository, over sockets.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { root, runCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'pez-demo-test-'));
afterAll(() => rmSync(folder, { recursive: true }));
/** Where the command keeps its own files, so that what it leaves is seen. */
const own = mkdtempSync(join(folder, 'tmp-'));
const demo = (args: readonly string[], options: Parameters<typeof runCli>[1] = {}) =>
  runCli(['demo', ...args], { cwd: folder, env: { TMPDIR: own, TEMP: own }, ...options });

test('prompt, similarities and the place of the picture on stdout; both pictures side by side in it', async () => {
  const { code, stdout, stderr } = await demo([join(root, 'examples/guitar.png'), '--out', 'pictures/both.png']);
  expect([code, stderr]).toEqual([
    0,
    expect.stringMatching(/^A node server is listening on http:\S+; .*image-to-prompt-to-image/),
  ]);
  for (const node of ['PEZ Invert', 'KSampler', 'VAE Decode']) expect(stderr).toContain(`${node} …\n`);
  const [prompt, similarity, path] = stdout.split('\n');
  expect(prompt).toMatch(/\p{L}+( \p{L}+)+/u);
  expect(similarity).toMatch(/^similarity of prompt and picture 0\.\d{3}, of both pictures 0\.\d{3}$/);
  expect(path).toBe('pictures/both.png');
  const { data, info } = await sharp(join(folder, path)).raw().toBuffer({ resolveWithObject: true });
  expect(info.width).toBeGreaterThan(1.5 * info.height);
  for (const [from, to] of [
    [0, 0.45],
    [0.55, 1],
  ])
    expect(inked(data, info, from, to)).toBeGreaterThan(0.05);
  expect(readdirSync(own)).toEqual([]);
});

/** Share of pixels that are not white, between two parts of the width; the text below the pictures does not count. */
function inked(
  data: Buffer,
  info: { width: number; height: number; channels: number },
  from: number,
  to: number,
): number {
  let count = 0;
  const [left, right] = [Math.round(from * info.width), Math.round(to * info.width)];
  const bottom = Math.round(0.75 * info.height);
  for (let y = 0; y < bottom; y++)
    for (let x = left; x < right; x++) {
      const [r, g, b] = data.subarray((y * info.width + x) * info.channels);
      if (Math.min(r, g, b) < 200) count++;
    }
  return count / (bottom * (right - left));
}

test('a picture that is missing or broken is a clear error, and nothing is left behind', async () => {
  const missing = await demo(['gone.png']);
  expect([missing.code, missing.stderr]).toEqual([
    2,
    expect.stringMatching(/^error: Cannot read the picture gone\.png.*\[IMAGE_UNREADABLE\]\n$/),
  ]);
  writeFileSync(join(folder, 'broken.png'), 'no picture');
  const broken = await demo(['broken.png', '--quiet']);
  expect([broken.code, broken.stderr]).toEqual([2, expect.stringMatching(/^error: .*broken.*\n$/)]);
  expect(readdirSync(own)).toEqual([]);
});

test('Ctrl-C ends it with 130 and leaves nothing', async () => {
  let sent = false;
  const { code, stdout } = await demo([], {
    onStderr: (text, child) => {
      if (sent || !text.includes('PEZ Invert …')) return;
      sent = true;
      child.kill('SIGINT');
    },
  });
  expect([code, stdout]).toEqual([130, '']);
  expect(readdirSync(own)).toEqual([]);
});

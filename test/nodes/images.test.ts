// Pictures in and out: LoadImage, SaveImage, PreviewImage, ImageBatch, ImageScale (protocol: Picture metadata).
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import type { ImageBatch } from '../../nodes/values.ts';
import { makeContext, nodeOf, runNode, type TestContext } from '../helpers/node-context.ts';

let context: TestContext;
beforeEach(() => {
  context = makeContext();
});
afterEach(() => context.close());

const batch = (shape: ImageBatch['shape'], values: readonly number[] | ((i: number) => number)): ImageBatch => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) =>
    typeof values === 'function' ? values(i) : values[i],
  ),
});
const close = (data: Float32Array, expected: readonly number[], digits = 5) => {
  expect(data).toHaveLength(expected.length);
  for (const [i, x] of expected.entries()) expect(data[i]).toBeCloseTo(x, digits);
};
const input = async (name: string, image: { toBuffer(): Promise<Buffer> }) =>
  writeFileSync(join(context.dir, 'input', name), await image.toBuffer());
const load = async (name: string) => (await runNode('LoadImage', { image: name }, context)).outputs;
const raw = (data: number[], width: number, height: number, channels: 1 | 3 | 4) =>
  sharp(Uint8Array.from(data), { raw: { width, height, channels } });

describe('LoadImage', () => {
  test('an opaque picture: values / 255, and an empty mask of 64 × 64', async () => {
    await input('a.png', raw([0, 51, 255, 102, 153, 204], 2, 1, 3).png());
    const { IMAGE, MASK } = await load('a.png');
    expect(IMAGE.shape).toEqual([1, 1, 2, 3]);
    close(IMAGE.data, [0, 0.2, 1, 0.4, 0.6, 0.8]);
    expect(MASK.shape).toEqual([1, 64, 64]);
    expect(MASK.data.some((x: number) => x !== 0)).toBe(false);
  });

  test('transparency goes into the mask as 1 − alpha, and the colours below it stay', async () => {
    await input('a.png', raw([255, 0, 0, 0, 0, 255, 0, 51], 2, 1, 4).png());
    const { IMAGE, MASK } = await load('a.png');
    close(IMAGE.data, [1, 0, 0, 0, 1, 0]);
    expect(MASK.shape).toEqual([1, 1, 2]);
    close(MASK.data, [1, 0.8]);
  });

  test('a palette with transparency, grey, grey with alpha, and 16 bits become RGB', async () => {
    const colours = [255, 0, 0, 255, 0, 0, 255, 0];
    await input('palette.png', raw(colours, 2, 1, 4).png({ palette: true }));
    const palette = await load('palette.png');
    close(palette.IMAGE.data.slice(0, 3), [1, 0, 0]);
    close(palette.MASK.data, [0, 1]);

    await input('grey.png', raw([0, 255], 2, 1, 1).toColourspace('b-w').png());
    close((await load('grey.png')).IMAGE.data, [0, 0, 0, 1, 1, 1]);

    const greyAlpha = raw([51, 51, 51, 255, 102, 102, 102, 0], 2, 1, 4).toColourspace('b-w').png();
    await input('grey-alpha.png', greyAlpha);
    const transparent = await load('grey-alpha.png');
    close(transparent.IMAGE.data, [0.2, 0.2, 0.2, 0.4, 0.4, 0.4], 2);
    close(transparent.MASK.data, [0, 1]);

    const deep = raw([0, 51, 255, 255, 255, 0, 51, 51], 2, 1, 4).toColourspace('rgb16').png();
    await input('deep.png', deep);
    expect((await sharp(join(context.dir, 'input/deep.png')).metadata()).depth).toBe('ushort');
    const wide = await load('deep.png');
    close(wide.IMAGE.data, [0, 0.2, 1, 1, 0, 0.2], 2);
    close(wide.MASK.data, [0, 0.8], 2);
  });

  test('a turned camera picture is set upright', async () => {
    await input(
      'turned.jpg',
      raw(new Array(4 * 2 * 3).fill(128), 4, 2, 3)
        .jpeg()
        .withMetadata({ orientation: 6 }),
    );
    expect((await load('turned.jpg')).IMAGE.shape).toEqual([1, 4, 2, 3]);
  });

  test('all frames of an animation are a batch', async () => {
    const frames = sharp(Uint8Array.from([255, 0, 0, 0, 0, 255]), {
      raw: { width: 1, height: 2, channels: 3, pageHeight: 1 },
    });
    await input('a.gif', frames.gif());
    const { IMAGE, MASK } = await load('a.gif');
    expect(IMAGE.shape).toEqual([2, 1, 1, 3]);
    expect(MASK.shape).toEqual([2, 64, 64]);
    close(IMAGE.data, [1, 0, 0, 0, 0, 1], 2);
  });

  test('a file that is missing is refused before it runs; one that is no picture, when it runs', async () => {
    const { validate } = nodeOf('LoadImage');
    expect(await validate!({ image: 'nothing.png' }, context)).toBe('Invalid image file: nothing.png');
    writeFileSync(join(context.dir, 'input/text.png'), 'no picture');
    expect(await validate!({ image: 'text.png' }, context)).toBe(true);
    await expect(load('text.png')).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
  });

  test('the fingerprint is that of the content', async () => {
    const of = (image: string) => nodeOf('LoadImage').fingerprint!({ image }, context);
    copyFileSync('examples/tiger.png', join(context.dir, 'input/a.png'));
    copyFileSync('examples/tiger.png', join(context.dir, 'input/b.png'));
    const first = await of('a.png');
    expect(await of('b.png')).toBe(first);
    copyFileSync('examples/house.png', join(context.dir, 'input/a.png'));
    expect(await of('a.png')).not.toBe(first);
  });
});

describe('SaveImage', () => {
  const graph = { 3: { class_type: 'SaveImage', inputs: { text: 'Tïger 🐅 "x"', seed: 18446744073709551615n } } };
  const workflow = { nodes: [], title: 'ü' };

  test('every byte comes back from the file, and the file is named as ComfyUI names it', async () => {
    const images = batch([2, 8, 16, 3], (i) => (i % 256) / 255);
    const { ui } = await runNode('SaveImage', { images, prompt: graph }, context);
    expect(ui.images.map((f: { filename: string }) => f.filename)).toEqual([
      'ComfyUI_00001_.png',
      'ComfyUI_00002_.png',
    ]);
    const second = await sharp(join(context.dir, 'output/ComfyUI_00002_.png')).raw().toBuffer();
    expect([...second]).toEqual(Array.from({ length: 384 }, (_, i) => (384 + i) % 256));
  });

  test('values are cut to bytes, not rounded, and what is outside 0 to 1 is bounded', async () => {
    const images = batch([1, 1, 2, 3], [1.5, -1, Number.NaN, 0.999, 0.5, 1]);
    await runNode('SaveImage', { images, prompt: graph }, context);
    const pixels = await sharp(join(context.dir, 'output/ComfyUI_00001_.png')).raw().toBuffer();
    expect([...pixels]).toEqual([255, 0, 0, 254, 127, 255]);
  });

  test('prompt and workflow are ASCII-only JSON in tEXt chunks that another reader finds', async () => {
    const images = batch([1, 2, 2, 4], () => 0.5);
    await runNode('SaveImage', { images, prompt: graph, extra_pnginfo: { workflow } }, context);
    const path = join(context.dir, 'output/ComfyUI_00001_.png');
    const { comments = [], channels } = await sharp(path).metadata();
    expect(channels).toBe(4);
    const texts = Object.fromEntries(comments.map(({ keyword, text }) => [keyword, text]));
    expect(Object.keys(texts).sort()).toEqual(['prompt', 'workflow']);
    expect(texts.prompt).toMatch(/^[\x20-\x7e]+$/);
    expect(texts.prompt).toContain('"seed":18446744073709551615');
    expect(JSON.parse(texts.prompt)[3].inputs.text).toBe('Tïger 🐅 "x"');
    expect(JSON.parse(texts.workflow)).toEqual(workflow);
  });

  test('where metadata is switched off, none is written', async () => {
    const silent = makeContext({ writeMetadata: false });
    await runNode('SaveImage', { images: batch([1, 1, 1, 3], [0, 0, 0]), prompt: graph }, silent);
    expect(readFileSync(join(silent.dir, 'output/ComfyUI_00001_.png')).includes('tEXt')).toBe(false);
    silent.close();
  });

  test('PreviewImage writes to temp under a name of its own', async () => {
    const { ui } = await runNode('PreviewImage', { images: batch([1, 1, 1, 3], [0, 0, 0]), prompt: graph }, context);
    expect(ui.images).toEqual([
      { filename: expect.stringMatching(/^ComfyUI_temp_[a-z]{5}_00001_\.png$/), subfolder: '', type: 'temp' },
    ]);
    expect(readdirSync(join(context.dir, 'temp'))).toHaveLength(1);
  });
});

test('ImageBatch: pictures of another size are scaled to the first, the middle cut out; a missing alpha is opaque', async () => {
  const image1 = batch([1, 2, 2, 4], () => 0.25);
  const image2 = batch([1, 2, 6, 3], (i) => Math.floor((i % 18) / 6) / 2); // columns 0 0 ½ ½ 1 1
  const { IMAGE } = (await runNode('ImageBatch', { image1, image2 }, context)).outputs;
  expect(IMAGE.shape).toEqual([2, 2, 2, 4]);
  close(IMAGE.data.slice(16, 20), [0.5, 0.5, 0.5, 1]);
});

describe('ImageScale', () => {
  const scale = async (image: ImageBatch, options: Record<string, unknown>): Promise<ImageBatch> =>
    (await runNode('ImageScale', { image, ...options }, context)).outputs.IMAGE;
  const line = (...values: number[]) => batch([1, 1, values.length, 1], values);

  // By hand, from the definitions of torch.nn.functional.interpolate (bicubic: a = −0.75).
  test.each([
    ['nearest-exact', [0, 0, 0.5, 0.5, 1, 1]],
    ['bilinear', [0, 0.125, 0.375, 0.625, 0.875, 1]],
    ['bicubic', [-0.052734, 0.095703, 0.333984, 0.666016, 0.904297, 1.052734]],
    ['area', [0, 0, 0.5, 0.5, 1, 1]],
  ])('%s doubles a line', async (upscale_method, expected) => {
    const { data } = await scale(line(0, 0.5, 1), { upscale_method, width: 6, height: 1 });
    close(data, expected, 4);
  });

  test('area averages what a pixel covers', async () => {
    close((await scale(line(0, 0.2, 0.4, 1), { upscale_method: 'area', width: 2, height: 1 })).data, [0.1, 0.7]);
  });

  test('lanczos gives what sharp gives, but for rounding and edges', async () => {
    const { data, info } = await sharp('examples/tiger.png').removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const image = batch([1, info.height, info.width, 3], (i) => data[i] / 255);
    const { data: ours } = await scale(image, { upscale_method: 'lanczos', width: 40, height: 30 });
    const theirs = await sharp('examples/tiger.png')
      .removeAlpha()
      .resize(40, 30, { fit: 'fill', kernel: 'lanczos3' })
      .raw()
      .toBuffer();
    const difference = ours.reduce((sum, x, i) => sum + Math.abs(x * 255 - theirs[i]), 0) / ours.length;
    expect(difference).toBeLessThan(2.5);
  });

  test('lanczos weighs colours by their alpha, so that what is invisible does not bleed', async () => {
    const image = batch([1, 2, 8, 4], (i) => [i % 32 < 16 ? 1 : 0, 0, 0, i % 32 < 16 ? 1 : 0][i % 4]);
    const { data } = await scale(image, { upscale_method: 'lanczos', width: 4, height: 2 });
    for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 0.05) expect(data[i]).toBeGreaterThan(0.9);
  });

  test('a side of 0 keeps the proportions, both 0 the picture', async () => {
    const image = batch([2, 10, 30, 3], () => 0.5);
    expect((await scale(image, { width: 15, height: 0 })).shape).toEqual([2, 5, 15, 3]);
    expect((await scale(image, { width: 0, height: 1 })).shape).toEqual([2, 1, 3, 3]);
    expect(await scale(image, { width: 0, height: 0 })).toBe(image);
  });

  test('crop center cuts, disabled stretches', async () => {
    const image = line(0, 0.25, 0.5, 0.75);
    close((await scale(image, { width: 1, height: 1, upscale_method: 'area', crop: 'center' })).data, [0.25], 0);
    close((await scale(image, { width: 2, height: 1, upscale_method: 'area', crop: 'center' })).data, [0.25, 0.5]);
    close((await scale(image, { width: 2, height: 1, upscale_method: 'area' })).data, [0.125, 0.625]);
  });

  test('a size that cannot fit is refused', async () => {
    const image = batch([4, 2, 2, 3], () => 0);
    const huge = scale(image, { width: 16384, height: 16384, upscale_method: 'nearest-exact' });
    await expect(huge).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE' });
  });
});

// Pictures of every kind → the pixels that Pillow would have given the model; damaged ones → a clear message.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Color } from 'sharp';
import sharp from 'sharp';
import { loadPreprocess, makePreprocess } from '../../engine/clip/preprocess.ts';
import { decodeImage, type ImageInput } from '../../engine/image/decode-image.ts';
import { resample } from '../../engine/image/resample.ts';
import { pngHeader } from './png-header.ts';

const fixtures = join(import.meta.dirname, '../fixtures/clip');
const oracle = JSON.parse(readFileSync(join(fixtures, 'oracle.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'pez-images-'));
afterAll(() => rmSync(folder, { recursive: true }));

const plain = (width: number, height: number, background: Color = '#3060c0') =>
  sharp({ create: { width, height, channels: 3, background } });

/** [r, g, b] of the pixel at x, y. */
async function pixel(image: ImageInput, x = 0, y = 0): Promise<number[]> {
  const { data, width } = await decodeImage(image);
  return [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
}

describe('resampling', () => {
  const { width, height, data, cases } = oracle.resamplings;
  const source = { width, height, data: Uint8Array.from(data) };
  const names = ['nearest', 'Lanczos', 'bilinear', 'bicubic', 'box', 'Hamming'];
  for (const c of cases)
    test(`17 × 13 → ${c.width} × ${c.height}, ${names[c.filter]}: number for number as Pillow`, () => {
      expect([...resample(source, c.width, c.height, c.filter).data]).toEqual(c.data);
    });
});

test.each<{ file: string; values: number[] }>(oracle.pictures)(
  '$file becomes the pixel_values of Pillow and NumPy',
  async ({ file, values }) => {
    const preprocess = await loadPreprocess(join(fixtures, 'standin'));
    const result = await preprocess(await decodeImage(join(fixtures, file)));
    expect(result.dims).toEqual([3, 32, 32]);
    const worst = Math.max(...values.map((v, i) => Math.abs(v - result.data[i])));
    expect(worst).toBeLessThan(1e-5);
  },
);

test('configurations of older files, with plain numbers for sizes, give the same pixel_values', async () => {
  const picture = await decodeImage(join(fixtures, 'picture-33x140.png'));
  const { data } = await (await loadPreprocess(join(fixtures, 'standin')))(picture);
  const { image_mean, image_std } = JSON.parse(
    readFileSync(join(fixtures, 'standin/preprocessor_config.json'), 'utf8'),
  );
  const older = { feature_extractor_type: 'CLIPFeatureExtractor', size: 32, crop_size: 32, resample: 3 };
  const steps = { do_resize: true, do_center_crop: true, do_normalize: true, image_mean, image_std };
  expect((await (await makePreprocess({ ...older, ...steps }, 'x'))(picture)).data).toEqual(data);
});

describe('decoding', () => {
  test('turns a picture upright by its EXIF orientation', async () => {
    // Left half red, right half blue, to be turned by 90° clockwise: red is above.
    const left = await plain(4, 4, '#ff0000').png().toBuffer();
    const turned = await plain(8, 4, '#0000ff')
      .composite([{ input: left, left: 0, top: 0 }])
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer();
    const { width, height } = await decodeImage(turned);
    expect([width, height]).toEqual([4, 8]);
    expect(await pixel(turned, 1, 1)).toEqual([255, 0, 0]);
    expect(await pixel(turned, 1, 6)).toEqual([0, 0, 255]);
  });

  test('lays transparency over white', async () => {
    const half = sharp({
      create: { width: 2, height: 2, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0.5 } },
    });
    const [r, g, b] = await pixel(await half.png().toBuffer());
    expect(r).toBe(255);
    expect(Math.abs(g - 127)).toBeLessThanOrEqual(1);
    expect(Math.abs(b - 127)).toBeLessThanOrEqual(1);
  });

  test('reads greyscale, with and without transparency', async () => {
    expect(await pixel(await plain(3, 3, '#808080').toColourspace('b-w').png().toBuffer())).toEqual([128, 128, 128]);
    const clear = sharp(Buffer.from([0, 0]), { raw: { width: 1, height: 1, channels: 2 } });
    expect(await pixel(await clear.png().toBuffer())).toEqual([255, 255, 255]);
  });

  test('reads 16 bits a channel', async () => {
    const deep = (space: string) => plain(3, 3, '#8040c0').toColourspace(space).png().toBuffer();
    const rgb = await deep('rgb16');
    expect((await sharp(rgb).metadata()).depth).toBe('ushort');
    expect(await pixel(rgb)).toEqual([128, 64, 192]);
    const [r, g, b] = await pixel(await deep('grey16'));
    expect(r === g && g === b && r > 60 && r < 120).toBe(true);
  });

  test('reads CMYK', async () => {
    const cmyk = await plain(8, 8, '#ff0000').toColourspace('cmyk').jpeg().toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe('cmyk');
    const [r, g, b] = await pixel(cmyk);
    expect(r > 180 && g < 90 && b < 90).toBe(true);
  });

  test('reads palettes', async () => {
    expect(await pixel(await plain(3, 3).png({ palette: true }).toBuffer())).toEqual([0x30, 0x60, 0xc0]);
  });

  test.each(['gif', 'webp'] as const)('takes the first frame of an animated %s', async (format) => {
    const frames = await Promise.all(['#ff0000', '#00ff00'].map((c) => plain(4, 4, c).png().toBuffer()));
    const animation = sharp(frames, { join: { animated: true } });
    const bytes = await (format === 'gif' ? animation.gif() : animation.webp({ lossless: true })).toBuffer();
    expect((await sharp(bytes).metadata()).pages).toBe(2);
    expect(await decodeImage(bytes)).toMatchObject({ width: 4, height: 4 });
    expect(await pixel(bytes)).toEqual([255, 0, 0]);
  });

  test('takes pixels that are at hand', async () => {
    expect(await pixel({ data: new Uint8Array([1, 2, 3]), width: 1, height: 1, channels: 3 })).toEqual([1, 2, 3]);
    expect(await pixel({ data: new Uint8Array([9]), width: 1, height: 1, channels: 1 })).toEqual([9, 9, 9]);
  });

  test.each([1, 3] as const)(
    'pixels of %i channels become what they become as a PNG, bit for bit',
    async (channels) => {
      const [width, height] = [256, 3];
      const data = Uint8ClampedArray.from({ length: width * height * channels }, (_, i) => (i * (channels + 4)) % 256);
      const bare = sharp(data, { raw: { width, height, channels } });
      const png = await (channels === 1 ? bare.toColourspace('b-w') : bare).png().toBuffer();
      const direct = await decodeImage({ data, width, height, channels });
      expect(direct).toMatchObject({ width, height });
      expect(Buffer.from(direct.data).equals((await decodeImage(png)).data)).toBe(true);
    },
  );

  test('RGB pixels are taken as they are, without a copy', async () => {
    const bytes = new Uint8Array([0, 1, 2, 3, 4, 5, 6]);
    const { data } = await decodeImage({ data: bytes.subarray(1), width: 2, height: 1, channels: 3 });
    expect([data.buffer, data.byteOffset, [...data]]).toEqual([bytes.buffer, 1, [1, 2, 3, 4, 5, 6]]);
  });
});

describe('refusing', () => {
  const write = (name: string, bytes: Uint8Array | string) => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };
  test.each([
    ['a missing file', () => join(folder, 'nowhere.png'), 'IMAGE_UNREADABLE', /no such file/],
    ['a directory', () => folder, 'IMAGE_UNREADABLE', /is a directory/],
    ['an empty file', () => write('empty.png', ''), 'IMAGE_UNREADABLE', /is empty/],
    ['a text', () => write('text.png', 'not an image at all'), 'IMAGE_UNREADABLE', /is not an image/],
    ['an image of 0 × 0', () => write('zero.png', pngHeader(0, 0)), 'IMAGE_UNREADABLE', /not an image|nothing in it/],
    ['a bomb', () => write('bomb.png', pngHeader(60_000, 60_000)), 'IMAGE_TOO_LARGE', /60000 × 60000|million pixels/],
    ['a thread', () => write('thread.png', pngHeader(1, 70_000)), 'IMAGE_TOO_LARGE', /1 × 70000/],
  ] as const)('%s', async (_, path, code, message) => {
    await expect(decodeImage(path())).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test.each(['png', 'jpeg', 'webp', 'gif', 'tiff'] as const)('a %s that was cut off', async (format) => {
    const noise = sharp(Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251)), {
      raw: { width: 64, height: 64, channels: 3 },
    });
    const bytes = await noise.toFormat(format).toBuffer();
    const path = write(`cut.${format}`, bytes.subarray(0, bytes.length / 2));
    await expect(decodeImage(path)).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
  });

  test('pixels that are not as many as they say', async () => {
    const image = { data: new Uint8Array(5), width: 2, height: 2, channels: 3 as const };
    await expect(decodeImage(image)).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
  });
});

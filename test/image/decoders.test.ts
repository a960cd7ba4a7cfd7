// Pictures in processes of their own: what they give, and what happens to those that take too much time or memory.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type SharpOptions } from 'sharp';
import { decodeFrames } from '../../engine/image/decode-frames.ts';
import { createDecoders, type DecoderOptions, type PictureReader } from '../../engine/image/decoders.ts';
import { encodeView } from '../../engine/image/view-picture.ts';

let folder: string;
let small: string;
/** 64 megapixels: a second of work, and more memory than the limits below. */
let large: string;
const open: PictureReader[] = [];
/** Without limits that a test would reach. */
const roomy = createDecoders({ processes: 1 });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pez-decoders-'));
  small = join(folder, 'small.png');
  large = join(folder, 'large.png');
  await sharp({ create: { width: 5, height: 3, channels: 4, background: '#f008' } }).toFile(small);
  await sharp({ create: { width: 8000, height: 8000, channels: 3, background: '#080' } }).toFile(large);
});
afterEach(() => Promise.all(open.splice(0).map((decoders) => decoders.close())));
afterAll(async () => {
  await roomy.close();
  rmSync(folder, { recursive: true });
});

function start(options: DecoderOptions): PictureReader {
  const decoders = createDecoders({ processes: 1, ...options });
  open.push(decoders);
  return decoders;
}

const webp = { kind: 'preview', format: 'webp', quality: 80 } as const;
const write = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const plain = (data: Uint8Array) => [...data];

test('frames and views are what this process would have made of the picture', async () => {
  const apart = await roomy.frames(small, { name: 'small.png' });
  const here = await decodeFrames(small, 'small.png');
  expect([apart.width, apart.height, apart.colours.map(plain), apart.alphas?.map(plain)]).toEqual([
    5,
    3,
    here.colours.map(plain),
    here.alphas?.map(plain),
  ]);
  const view = await roomy.view({ path: small }, { name: 'small.png', form: webp });
  expect(view.equals(await encodeView(small, 'small.png', webp))).toBe(true);
  const base64 = (await sharp(small).toBuffer()).toString('base64');
  expect((await roomy.view({ base64 }, { name: 'cover', form: webp })).equals(view)).toBe(true);
  const masked = await sharp(await roomy.withAlphaOf(small, small)).metadata();
  expect([masked.format, masked.width, masked.channels]).toEqual(['png', 5, 4]);
});

test('a picture larger than a pipe holds comes back whole', async () => {
  const noise = { create: { width: 700, height: 500, channels: 3, noise: { type: 'gaussian', mean: 128, sigma: 40 } } };
  const path = write(
    'noise.png',
    await sharp(noise as SharpOptions)
      .png()
      .toBuffer(),
  );
  const { colours } = await roomy.frames(path, { name: 'noise.png' });
  expect(Buffer.from(colours[0]).equals(await sharp(path).raw().toBuffer())).toBe(true);
});

test('frames of an animation come back one by one', async () => {
  const frames = ['#f00', '#0f0', '#00f'].map((background) => ({
    create: { width: 4, height: 2, channels: 3, background },
  }));
  const pictures = await Promise.all(
    frames.map((frame) =>
      sharp(frame as SharpOptions)
        .png()
        .toBuffer(),
    ),
  );
  const path = write(
    'moving.gif',
    await sharp(pictures, { join: { animated: true } })
      .gif()
      .toBuffer(),
  );
  const { colours } = await roomy.frames(path, { name: 'moving.gif' });
  expect(colours.map((data) => plain(data.subarray(0, 3)))).toEqual([
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
  ]);
});

test('a picture that takes too long is given up with a sentence, and so is the next one, in another process', async () => {
  const decoders = start({ timeoutMs: 30 });
  const late = { code: 'IMAGE_TOO_LARGE', message: 'large.png takes more than 0.03 s to decode.' };
  await expect(decoders.frames(large, { name: 'large.png' })).rejects.toMatchObject(late);
  const [first, second] = [1, 2].map(() => decoders.view({ path: large }, { name: 'large.png', form: webp }));
  await expect(first).rejects.toMatchObject(late);
  await expect(second).rejects.toMatchObject(late);
});

test('a picture that takes too much memory is given up, and the process that is started next decodes the others', async () => {
  const decoders = start({ maxBytes: 200 * 2 ** 20 });
  await expect(decoders.frames(large, { name: 'large.png' })).rejects.toMatchObject({
    code: 'IMAGE_TOO_LARGE',
    message: 'large.png takes more than 200 MiB of memory to decode.',
  });
  expect((await decoders.frames(small, { name: 'small.png' })).width).toBe(5);
});

test('errors keep their code, and the process goes on', async () => {
  const text = write('text.png', 'no picture');
  await expect(roomy.frames(text, { name: 'text.png' })).rejects.toMatchObject({
    code: 'IMAGE_UNREADABLE',
    message: expect.stringContaining('text.png is not an image'),
  });
  await expect(roomy.frames(join(folder, 'gone.png'), { name: 'gone.png' })).rejects.toMatchObject({
    code: 'IMAGE_UNREADABLE',
    message: expect.stringContaining('no such file'),
  });
  expect((await roomy.frames(small, { name: 'small.png' })).width).toBe(5);
});

test('who gives up waiting is told at once, and blocks nobody', async () => {
  const decoders = start({});
  const gone = new AbortController();
  const reason = new Error('gone');
  const running = decoders.view({ path: large }, { name: 'large.png', form: webp, signal: gone.signal });
  const waiting = decoders.view({ path: large }, { name: 'large.png', form: webp, signal: gone.signal });
  const other = decoders.view({ path: small }, { name: 'small.png', form: webp });
  gone.abort(reason);
  await expect(running).rejects.toBe(reason);
  await expect(waiting).rejects.toBe(reason);
  expect((await other).length).toBeGreaterThan(0);
});

test('after closing nothing is decoded any more', async () => {
  const decoders = start({});
  const running = decoders.frames(large, { name: 'large.png' });
  const failed = expect(running).rejects.toThrow();
  await decoders.close();
  await failed;
  await expect(decoders.frames(small, { name: 'small.png' })).rejects.toThrow(/program is ending/);
});

test.each(['', '<?xml version="1.0"?>\n', '<!-- a comment first -->', ' \n\t'])(
  'SVG is not decoded, whatever its name and whatever stands before it: %j',
  async (before) => {
    const svg = `${before}<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4"/></svg>`;
    expect((await sharp(Buffer.from(svg)).metadata()).format).toBe('svg'); // sharp itself would
    const refused = {
      code: 'IMAGE_UNREADABLE',
      message: 'a.png is not an image that can be read. Convert it to one of these: PNG, JPEG, WebP, GIF, TIFF, AVIF.',
    };
    await expect(decodeFrames(Buffer.from(svg), 'a.png')).rejects.toMatchObject(refused);
    await expect(roomy.frames(write('a.png', svg), { name: 'a.png' })).rejects.toMatchObject(refused);
  },
);

test.each(['GIF89a', 'II*\0', '\0\0\0 ftypavif', 'RIFF    WEBP'])(
  'SVG behind %j is not drawn either',
  async (start) => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>';
    const path = write('both', Buffer.from(start + svg, 'latin1'));
    await expect(roomy.frames(path, { name: 'both' })).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
  },
);

test.each(['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const)('%s is decoded', async (format) => {
  const path = write(`a.${format}`, await sharp(small).toFormat(format).toBuffer());
  expect((await roomy.frames(path, { name: `a.${format}` })).width).toBe(5);
});

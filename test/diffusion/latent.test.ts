// Latents: empty ones, their checks, and resizing as PyTorch does it.
import { emptyLatent, type Latent } from '../../engine/diffusion/latent.ts';
import { upscaleLatent, upscaleMethods } from '../../engine/diffusion/upscale.ts';
import { type FlatArray, readFixture, relativeError } from './fixture.ts';

const { source, cases } = readFixture<{ source: FlatArray; cases: { method: string; result: FlatArray }[] }>(
  'upscale.json',
);
const latent: Latent = { shape: [2, 3, 5, 4], data: Float32Array.from(source.data) };

test.each(cases)('$method to $result.dims is what PyTorch makes', ({ method, result }) => {
  const [, , height, width] = result.dims;
  const resized = upscaleLatent(latent, { width, height, method });
  expect(resized.shape).toEqual(result.dims);
  expect(relativeError(resized.data, result.data)).toBeLessThan(1e-5);
});

test('the reference covers every method', () => {
  expect(new Set(cases.map(({ method }) => method))).toEqual(new Set(upscaleMethods));
});

test.each(upscaleMethods)('%s to the same size changes nothing', (method) => {
  expect(relativeError(upscaleLatent(latent, { width: 4, height: 5, method }).data, latent.data)).toBeLessThan(1e-6);
});

test('crop "center" takes the middle of the proportions that are asked for', () => {
  const wide: Latent = { shape: [1, 1, 2, 6], data: Float32Array.from({ length: 12 }, (_, i) => i) };
  const square = upscaleLatent(wide, { width: 2, height: 2, method: 'nearest-exact', crop: 'center' });
  expect([...square.data]).toEqual([2, 3, 8, 9]);
});

test('crop "center" rounds as ComfyUI does: of 13 columns 9 become 8, since half of 5 is rounded to 2', () => {
  const wide: Latent = { shape: [1, 1, 8, 13], data: Float32Array.from({ length: 8 * 13 }, (_, i) => i % 13) };
  const square = upscaleLatent(wide, { width: 8, height: 8, method: 'nearest-exact', crop: 'center' });
  expect([...square.data.subarray(0, 8)]).toEqual([2, 3, 4, 5, 7, 8, 9, 10]);
  const high: Latent = { ...wide, shape: [1, 1, 13, 8] };
  expect(upscaleLatent(high, { width: 9, height: 9, method: 'area', crop: 'center' }).shape).toEqual([1, 1, 9, 9]);
});

test('crop "center" never cuts everything away', () => {
  const line: Latent = { shape: [1, 1, 1, 4], data: Float32Array.of(0, 1, 3, 0) };
  const { data } = upscaleLatent(line, { width: 1, height: 2048, method: 'area', crop: 'center' });
  expect(new Set(data)).toEqual(new Set([2])); // the two in the middle
});

test.each([
  [{ width: 8, height: 8, method: 'lanczos' }, /^method must be one of nearest-exact.*, but is "lanczos"\.$/],
  [{ width: 8, height: 8, method: '__proto__' }, /^method must be one of .*, but is "__proto__"\.$/],
  [{ width: 0, height: 8, method: 'area' }, /^width must be a whole number from 1 to 2048, but is 0\.$/],
  [{ width: 8, height: 1e6, method: 'area' }, /^height must be .* from 1 to 2048, but is 1000000\.$/],
  [{ width: 8, height: 8, method: 'area', crop: 'left' }, /^crop must be one of disabled, center, but is "left"\.$/],
])('refuses %j', (options, message) => {
  expect(() => upscaleLatent(latent, options)).toThrow(message);
});

test('an empty latent has an eighth of the sides', () => {
  const empty = emptyLatent({ width: 64, height: 128, batch: 3 });
  expect(empty.shape).toEqual([3, 4, 16, 8]);
  expect(empty.data.every((v) => v === 0)).toBe(true);
});

test.each([
  [{ width: 65, height: 64 }, 'width must be a multiple of 8 from 8 to 16384, but is 65.'],
  [{ width: 64, height: 0 }, 'height must be a multiple of 8 from 8 to 16384, but is 0.'],
  [{ width: 64, height: 20_000 }, 'from 8 to 16384'],
  [{ width: 64, height: 64, batch: 0 }, 'batch must be a whole number from 1 to 4096, but is 0.'],
  [{ width: 16_384, height: 16_384, batch: 4096 }, 'does not fit the memory'],
])('an empty latent of %j is refused', (size, message) => {
  expect(() => emptyLatent(size)).toThrow(
    expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining(message) }),
  );
});

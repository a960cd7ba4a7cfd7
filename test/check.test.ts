// Checks of options: one form of sentence for all of them.
import * as check from '../engine/check.ts';

const messageOf = (run: () => void): string => {
  try {
    run();
  } catch (error) {
    expect(error).toMatchObject({ name: 'InputError', code: 'OPTION_INVALID' });
    return (error as Error).message;
  }
  return '';
};

test.each<[unknown, check.Bounds, string]>([
  [1, { min: 1, max: 75 }, ''],
  [75, { min: 1, max: 75 }, ''],
  [2n ** 64n - 1n, { min: 0, max: 2n ** 64n - 1n }, ''],
  [7, { min: 0, max: 2n ** 64n - 1n }, ''],
  [0, { min: 1, max: 75 }, 'x must be a whole number from 1 to 75, but is 0.'],
  [1.5, { min: 1, max: 75 }, 'x must be a whole number from 1 to 75, but is 1.5.'],
  ['8', { min: 1, max: 75 }, 'x must be a whole number from 1 to 75, but is "8".'],
  [5n, { min: 1, max: 75 }, 'x must be a whole number from 1 to 75, but is 5.'],
  [Number.NaN, { min: 1, max: 2 }, 'x must be a whole number from 1 to 2, but is NaN.'],
  [9, { min: 1, max: 8, note: 'the length' }, 'x must be a whole number from 1 to 8 (the length), but is 9.'],
  [-1, { min: 0, max: 2n ** 64n - 1n }, 'x must be a whole number from 0 to 18446744073709551615, but is -1.'],
  [2n ** 64n, { min: 0, max: 2n ** 64n - 1n }, expect.stringContaining('but is 18446744073709551616.')],
])('integer %p within %p: %p', (value, bounds, message) => {
  expect(messageOf(() => check.integer('x', value, bounds))).toEqual(message);
});

test.each<[unknown, check.FiniteBounds, string]>([
  [0.5, { min: 0, max: 1 }, ''],
  [-1, {}, ''],
  [Infinity, {}, 'x must be a finite number, but is Infinity.'],
  [null, {}, 'x must be a finite number, but is null.'],
  [0, { above: 0 }, 'x must be a number above 0, but is 0.'],
  [2, { above: 0, max: 1 }, 'x must be a number above 0 and at most 1, but is 2.'],
  [2, { min: 0, max: 1 }, 'x must be a number from 0 to 1, but is 2.'],
  [-1, { min: 0 }, 'x must be a number of at least 0, but is -1.'],
  [undefined, { max: 3 }, 'x must be a number of at most 3, but is undefined.'],
])('finite %p within %p: %p', (value, bounds, message) => {
  expect(messageOf(() => check.finite('x', value, bounds))).toBe(message);
});

test('names, texts, lists of texts', () => {
  expect(messageOf(() => check.oneOf('x', 'a', ['a', 'b']))).toBe('');
  expect(messageOf(() => check.oneOf('x', '__proto__', ['a', 'b']))).toBe('x must be one of a, b, but is "__proto__".');
  expect(messageOf(() => check.text('x', ''))).toBe('');
  expect(messageOf(() => check.text('x', 5))).toBe('x must be text, but is 5.');
  expect(messageOf(() => check.text('x', ' ', { empty: false }))).toBe('x must be text that is not empty, but is " ".');
  expect(messageOf(() => check.textList('x', ['a']))).toBe('');
  expect(messageOf(() => check.textList('x', 'a'))).toBe('x must be a list of texts that are not empty, but is "a".');
});

test('the wrong number of parts', () => {
  expect(check.invalidCount('prompt', 'at most 8 tokens', 9).message).toBe(
    'prompt must have at most 8 tokens, but has 9.',
  );
});

const circle: unknown[] = [];
circle.push(circle);

test.each<[unknown, string]>([
  [new Float32Array(512), 'Float32Array of length 512'],
  [Buffer.alloc(3), 'Buffer of length 3'],
  [new DataView(new ArrayBuffer(5)), 'DataView of length 5'],
  [{ embedding: new Float32Array(2) }, '{"embedding":"Float32Array of length 2"}'],
  [[Number.NaN, 2n ** 63n], '["NaN","9223372036854775808"]'],
  [0.1 + 0.2, '0.30000000000000004'],
  [() => 1, 'a function'],
  [circle, '[object Array]'],
  ['x'.repeat(99), `"${'x'.repeat(56)}…`],
  [`${'x'.repeat(55)}🐯🐯🐯🐯`, `"${'x'.repeat(55)}…`],
])('a value in a message: %p', (value, shown) => {
  expect(check.invalid('x', 'right', value).message).toBe(`x must be right, but is ${shown}.`);
});

// Prompts as ComfyUI reads them: weights, nesting, escapes, windows of 77 tokens, and what weights do to the hidden states.
import { join } from 'node:path';
import { loadClipTokenizer } from '../../engine/clip/clip-tokenizer.ts';
import { type Checkpoint, loadCheckpoint } from '../../engine/diffusion/checkpoint.ts';
import { averageConditioning, combineConditioning, concatConditioning } from '../../engine/diffusion/conditioning.ts';
import { chunkPrompt } from '../../engine/diffusion/prompt-chunks.ts';
import { parseWeights } from '../../engine/diffusion/prompt-weights.ts';
import { checkpointDir, relativeError } from './fixture.ts';

const tokenizer = await loadClipTokenizer(join(checkpointDir('sd15'), 'tokenizer'));
const [RED, CAT] = ['red', 'cat'].map((word) => tokenizer.encode(word)[0]);

test.each([
  ['a red cat', [['a red cat', 1]]],
  [
    'a (red) cat',
    [
      ['a ', 1],
      ['red', 1.1],
      [' cat', 1],
    ],
  ],
  ['((red))', [['red', 1.21]]],
  ['(red:1.5)', [['red', 1.5]]],
  [
    '(a (red:1.5) cat)',
    [
      ['a ', 1.1],
      ['red', 1.5],
      [' cat', 1.1],
    ],
  ],
  [
    '((red) cat:0.5)',
    [
      ['red', 0.55],
      [' cat', 0.5],
    ],
  ],
  ['(red:-1)', [['red', -1]]],
  ['(red: 1.2 )', [['red', 1.2]]],
  ['(12:30 o clock)', [['12:30 o clock', 1.1]]],
  ['(:1.2)', [[':1.2', 1.1]]],
  ['a \\(red\\) cat', [['a (red) cat', 1]]],
  ['(\\(red\\):2)', [['(red)', 2]]],
  ['(red', [['(red', 1]]],
  ['red) (cat)', [['red) (cat)', 1]]],
  ['', []],
  ['()', []],
] as [string, [string, number][]][])('%j is read as %j', (prompt, expected) => {
  const read = parseWeights(prompt).filter(({ text }) => text !== '');
  expect(read.map(({ text }) => text)).toEqual(expected.map(([text]) => text));
  read.forEach(({ weight }, i) => {
    expect(weight).toBeCloseTo(expected[i][1], 12);
  });
});

test('ten thousand parentheses are read without harm', () => {
  expect(parseWeights(`${'('.repeat(10_000)}cat${')'.repeat(10_000)}`)).toHaveLength(1);
});

describe('windows', () => {
  const ids = (prompt: string) => chunkPrompt(prompt, tokenizer).map((chunk) => chunk.map(({ id }) => id));
  const { padId, endId } = tokenizer;
  const startId = tokenizer.startId!;

  test('an empty prompt is one window: start, end, padding', () => {
    expect(ids('')).toEqual([[startId, endId, ...Array(75).fill(padId)]]);
  });

  test('75 tokens fill one window, the 76th opens another', () => {
    expect(ids('red '.repeat(75))).toEqual([[startId, ...Array(75).fill(RED), endId]]);
    const two = ids('red '.repeat(76));
    expect(two).toHaveLength(2);
    expect(two[1].slice(0, 4)).toEqual([startId, RED, endId, padId]);
  });

  test('a short piece of one weight is not torn: it moves to the next window, and the rest is padding', () => {
    const word = 'zyzy'; // four tokens in this vocabulary
    expect(tokenizer.encode(word)).toHaveLength(4);
    const [first, second] = ids(`${'red '.repeat(73)}(${word}:1.2)`);
    expect(first.slice(72)).toEqual([RED, RED, endId, padId, padId]);
    expect(second.slice(1, 5)).toEqual(tokenizer.encode(word));
  });

  test('a piece of eight tokens and more is torn, be it one word or several', () => {
    const word = 'zyzyzyzyzy';
    expect(ids(`${'red '.repeat(73)}(cat zyzy dog cat dog:1.2)`)[0].slice(74, 76)).toEqual([
      CAT,
      tokenizer.encode('zyzy')[0],
    ]);
    const [first, second] = ids(`${'red '.repeat(73)}(${word}:1.2)`);
    expect(first.slice(74)).toEqual([...tokenizer.encode(word).slice(0, 2), endId]);
    expect(second.slice(1, 9)).toEqual(tokenizer.encode(word).slice(2));
  });

  test('each token carries its weight, start, end and padding 1', () => {
    const [chunk] = chunkPrompt('red (cat:1.5)', tokenizer);
    expect(chunk.slice(0, 5)).toEqual([
      { id: startId, weight: 1 },
      { id: RED, weight: 1 },
      { id: CAT, weight: 1.5 },
      { id: endId, weight: 1 },
      { id: padId, weight: 1 },
    ]);
  });
});

describe('conditioning', () => {
  let checkpoint: Checkpoint;
  beforeAll(async () => {
    checkpoint = await loadCheckpoint(checkpointDir('sd15'));
  });
  afterAll(() => checkpoint.release());
  const encode = async (text: string) => (await checkpoint.clip.encode(text))[0];

  test("a weight moves a token's states along the line from the empty prompt's", async () => {
    const [plain, empty, heavy] = [await encode('red cat'), await encode(''), await encode('red (cat:1.5)')];
    const { width } = plain;
    const expected = plain.states.map((z, i) =>
      Math.floor(i / width) === 2 ? empty.states[i] + 1.5 * (z - empty.states[i]) : z,
    );
    expect(relativeError(heavy.states, expected)).toBeLessThan(1e-5);
  });

  test('weight 1 and no weight are the same', async () => {
    expect((await encode('red (cat:1.0)')).states).toEqual((await encode('red cat')).states);
  });

  test('a long prompt gives 77 states for each window, the first as if alone', async () => {
    const long = await encode(`${'red '.repeat(75)}cat dog`);
    expect([long.length, long.states.length]).toEqual([154, 154 * long.width]);
    const first = await encode('red '.repeat(75));
    expect(relativeError(long.states.slice(0, 77 * long.width), first.states)).toBeLessThan(1e-5);
  });

  test('a prompt beyond all measure is refused', async () => {
    await expect(encode('red '.repeat(20_000))).rejects.toMatchObject({ code: 'OPTION_INVALID' });
    await expect(encode('x'.repeat(200_000))).rejects.toThrow(
      'The prompt must have at most 100000 characters, but has 200000.',
    );
  });

  test('average, concat and combine', async () => {
    const [a, b] = [[await encode('red cat')], [await encode('blue dog')]];
    const [mean] = averageConditioning(a, b, 0.25);
    expect(mean.states[20]).toBeCloseTo(0.25 * a[0].states[20] + 0.75 * b[0].states[20], 5);
    expect(averageConditioning(a, b, 1)[0].states).toEqual(a[0].states);
    const [joined] = concatConditioning(a, b);
    expect(joined.length).toBe(154);
    expect(joined.states.slice(77 * joined.width)).toEqual(b[0].states);
    expect(combineConditioning(a, b)).toEqual([...a, ...b]);
  });

  test('an average with a shorter conditioning takes zeros for what it lacks', async () => {
    const [long, short] = [[await encode('red '.repeat(76))], [await encode('cat')]];
    const [mean] = averageConditioning(long, short, 0.5);
    expect(mean.length).toBe(154);
    expect(mean.states[150 * mean.width]).toBeCloseTo(long[0].states[150 * mean.width] / 2, 5);
  });

  test('conditionings of different models cannot be joined', async () => {
    const part = await encode('cat');
    const other = { ...part, width: 8 };
    expect(() => concatConditioning([part], [other])).toThrow('come from different models');
    expect(() => averageConditioning([part], [], 0.5)).toThrow('The conditioning must have at least one part');
  });
});

// The nodes that make or show texts and numbers: Prompt Blend, Distil Prompt, CLIP Similarity, previews, primitives.
import { batchOf, bytesOf } from '../../engine/image/batch.ts';
import { decodeFrames } from '../../engine/image/decode-frames.ts';
import { makeContext, nodeOf, runNode, type TestContext, testClip, testSources } from '../helpers/node-context.ts';

let context: TestContext;
beforeEach(() => {
  context = makeContext();
});
afterEach(() => context.close());

const run = async (type: string, inputs: Record<string, unknown>) =>
  runNode(type, { clip: await testClip(), ...inputs }, context);
const tiger = async () => {
  const { width, height, colours } = await decodeFrames('examples/tiger.png', 'tiger');
  return batchOf([{ data: colours[0], width, height, channels: 3 }]);
};
const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const quick = { steps: 4, restarts: 2, seed: 1 };

describe('CLIPSimilarity', () => {
  test('every picture and text of side a is compared with every one of side b', async () => {
    const { outputs, ui } = await run('CLIPSimilarity', {
      images_a: await tiger(),
      texts_a: 'a tiger\n\n  a blue house ',
      texts_b: 'a tiger\nice cream',
    });
    expect(outputs.similarities).toHaveLength(6);
    expect(outputs.similarities[2]).toBeCloseTo(1, 5); // a tiger, a tiger
    expect(outputs.maximum).toBe(Math.max(...outputs.similarities));
    expect(outputs.table.split('\n')).toHaveLength(5);
    expect(outputs.table).toMatch(/^\| {14}\| a tiger \| ice cream \|\n\| -+ \| -+: \| -+: \|\n\| image 1 /);
    expect(ui).toEqual({ text: [outputs.table] });
  });

  test('an empty side is refused with what to do', async () => {
    await expect(run('CLIPSimilarity', { texts_a: 'a tiger', texts_b: ' \n' })).rejects.toThrow(
      /Side b is empty: connect images_b/,
    );
  });
});

describe('PromptBlend', () => {
  test('lines with weights, sockets with prompts, tokens and pictures are sources, in that order', async () => {
    const { outputs, ui } = await run('PromptBlend', {
      prompts: 'blue house :: 0.5',
      prompt_1: 'orange tiger',
      prompt_2: { prompt: 'night sky', ids: [] },
      image_1: await tiger(),
      image_weight_1: 0,
      length: 6,
      ...quick,
    });
    const words = outputs.prompt.split(' ');
    expect(words).toEqual(expect.arrayContaining(['tiger', 'sky']));
    expect(outputs.similarities).toHaveLength(4);
    expect(outputs.tokens.ids).toEqual((await testClip()).tokenizer.encode(outputs.prompt));
    expect(typeof outputs.dropped).toBe('string');
    for (const name of ['orange tiger', 'night sky', 'blue house', 'image 1'])
      expect(ui.text[0]).toContain(`| ${name}`);
  });

  test.each(['interleave', 'joint', 'crossover'])('%s gives one prompt', async (mode) => {
    const { outputs } = await run('PromptBlend', { prompts: 'orange tiger\nblue house', mode, length: 4, ...quick });
    expect(outputs.prompt).toMatch(/\w/);
    expect(outputs.similarities.every((x: number) => x > -1 && x <= 1)).toBe(true);
  });

  test.each([
    ['orange tiger', /one source to blend/],
    ['', /no sources to blend/],
    ['a tiger :: much\na house', /"much" is not a number/],
    [':: 1\na house', /no text before ::/],
  ])('%j is refused', async (prompts, message) => {
    await expect(run('PromptBlend', { prompts, ...quick })).rejects.toThrow(message);
  });
});

test('DistilPrompt: a long text becomes a short prompt, and an interrupt ends it', async () => {
  const text = 'an orange tiger with black stripes that sits in a green garden under a blue sky';
  const { outputs } = await run('DistilPrompt', { text, length: 4, polish: 1, ...quick });
  expect((await testClip()).tokenizer.encode(outputs.prompt).length).toBeLessThanOrEqual(4);
  expect(outputs.candidates[0]).toBe(outputs.prompt);
  expect(outputs.tokens.similarity).toBe(outputs.similarity);

  const reason = new Error('interrupted');
  const interrupted = makeContext({ onProgress: (_, c) => c.abort(reason) });
  const long = runNode('DistilPrompt', { clip: await testClip(), text, length: 4, steps: 100_000 }, interrupted);
  await expect(long).rejects.toBe(reason);
  interrupted.close();
});

describe('PreviewAny', () => {
  test.each([
    ['a text', 'a text'],
    ['', ''],
    [0.5, '0.5'],
    [true, 'True'],
    [false, 'False'],
    [18446744073709551615n, '18446744073709551615'],
    [['a', 1], '["a", 1]'],
    [{ prompt: 'p', ids: [1] }, '{"prompt": "p", "ids": [1]}'],
    [{ shape: [1, 2, 3, 3], data: new Float32Array(18) }, 'IMAGE of 1 × 2 × 3 × 3'],
    [{ shape: [1, 2, 3], data: new Float32Array(6) }, 'MASK of 1 × 2 × 3'],
    [Number.NaN, 'NaN'],
    [
      { a: { b: [true, null, undefined, 'ü, "x"'] }, none: undefined },
      '{"a": {"b": [true, null, null, "ü, \\"x\\""]}}',
    ],
    [[], '[]'],
    [{}, '{}'],
    [null, 'None'],
    [undefined, 'None'],
  ])('%p is shown as %j', async (source, text) => {
    const { outputs, ui } = await run('PreviewAny', { source });
    expect(outputs).toEqual({ STRING: text });
    expect(ui).toEqual({ text: [text] });
  });

  test('a model says its name', async () => {
    expect((await run('PreviewAny', { source: await testClip() })).outputs.STRING).toBe('CLIP pico-clip');
  });
});

test('the primitives hand on their value', async () => {
  for (const [type, value] of [
    ['PrimitiveString', 'a'],
    ['PrimitiveStringMultiline', 'a\nb'],
    ['PrimitiveInt', 7],
    ['PrimitiveFloat', 0.5],
    ['PrimitiveBoolean', true],
  ] as const)
    expect(Object.values((await run(type, { value })).outputs)).toEqual([value]);
});

test('CLIPLoader loads what it offers', async () => {
  const { choices } = nodeOf('CLIPLoader').inputs.clip_name;
  expect((choices as (s: typeof testSources) => string[])(testSources)).toEqual(['pico-clip']);
  expect((await run('CLIPLoader', { clip_name: 'pico-clip' })).outputs.CLIP).toBe(await testClip());
});

test.each([
  [
    'CLIPSimilarity',
    { texts_a: 'tiger '.repeat(20_000), texts_b: 'a' },
    /texts_a must have at most 100000 characters, but has 120000/,
  ],
  [
    'CLIPSimilarity',
    { texts_a: 'a\n'.repeat(1001), texts_b: 'a' },
    /Side a must have at most 1000 pictures and texts, but has 1001/,
  ],
  [
    'CLIPSimilarity',
    { texts_a: 'a\n'.repeat(500), texts_b: 'a\n'.repeat(500) },
    /at most 100000 similarities, but has 250000/,
  ],
  ['DistilPrompt', { text: 'tiger '.repeat(20_000) }, /at most 100000 characters, but has 120000/],
  ['TokenSwap', { prompt: 'tiger '.repeat(20_000), to: 'cat' }, /at most 100000 characters/],
])('%s refuses texts that would take minutes, at once', async (type, inputs, message) => {
  const started = performance.now();
  await expect(run(type, inputs)).rejects.toThrow(message);
  expect(performance.now() - started).toBeLessThan(5000); // a megabyte took 40 s and more
});

describe('PromptWords', () => {
  test('each word has its tokens and what is lost without it; the picture is the measure', async () => {
    const { outputs, ui } = await run('PromptWords', { prompt: 'orange tiger, snowstorm', image: await tiger() });
    expect(outputs.words).toEqual(['orange', 'tiger', ',', 'snowstorm']);
    expect(ui.words[3].tokens.length).toBeGreaterThan(1);
    expect(ui.words[3].tokens.join('')).toBe('snowstorm');
    const [orange, cat, , storm] = outputs.contributions;
    expect(cat).toBeGreaterThan(Math.max(orange, storm));
    const clip = await testClip();
    const [whole, without] = await clip.text.encode(['orange tiger, snowstorm', 'orange, snowstorm']);
    const [picture] = await clip.image.encode([bytesOf(await tiger(), 0)]);
    expect(cat).toBeCloseTo(cosine(whole, picture) - cosine(without, picture), 4);
    expect(outputs.similarity).toBeCloseTo(cosine(whole, picture), 4);
    expect(ui.similarity).toEqual([outputs.similarity]);
  });

  test('of several pictures the mean counts', async () => {
    const { width, height, colours } = await decodeFrames('examples/house.png', 'house');
    const house = batchOf([{ data: colours[0], width, height, channels: 3 }]);
    const cat = await tiger();
    const data = new Float32Array(house.data.length + cat.data.length);
    data.set(house.data);
    data.set(cat.data, house.data.length);
    const both = { ...house, shape: [2, ...house.shape.slice(1)], data };
    const similarityTo = async (image: unknown) => (await run('PromptWords', { prompt: 'a red roof', image })).outputs;
    const [one, other, mean] = [await similarityTo(house), await similarityTo(cat), await similarityTo(both)];
    expect(mean.similarity).toBeCloseTo((one.similarity + other.similarity) / 2, 4);
    expect(mean.contributions[2]).toBeCloseTo((one.contributions[2] + other.contributions[2]) / 2, 4);
  });

  test('without a picture the prompt itself is the measure, and an empty prompt is refused', async () => {
    expect((await run('PromptWords', { prompt: 'a tiger' })).outputs.similarity).toBeCloseTo(1, 5);
    await expect(run('PromptWords', { prompt: ' ' })).rejects.toThrow(/prompt/);
  });
});

describe('NearestWords', () => {
  test('offers near words, the ones that fit the picture best first, with the similarity that the prompt would have', async () => {
    const { outputs, ui } = await run('NearestWords', {
      prompt: 'a tiger in the snow',
      word: 1,
      count: 8,
      block: 'leopard',
      image: await tiger(),
    });
    expect(outputs.words).toHaveLength(8);
    expect(outputs.words).not.toContain('tiger');
    expect(outputs.words.join()).not.toContain('leopard');
    expect(outputs.similarities).toEqual([...outputs.similarities].sort((a, b) => b - a));
    const clip = await testClip();
    for (const { word, nearness } of ui.nearest) {
      const [one, other] = await clip.text.encode(['tiger', word]);
      expect(nearness).toBeCloseTo(cosine(one, other), 4);
    }
    expect(outputs.prompts[0]).toBe(`a ${outputs.words[0]} in the snow`);
    const measured = await run('PromptWords', { prompt: outputs.prompts[0], image: await tiger() });
    expect(outputs.similarities[0]).toBeCloseTo(measured.outputs.similarity, 5);
  });

  test('a place without a word is refused', async () => {
    await expect(run('NearestWords', { prompt: 'a tiger', word: 2, count: 3 })).rejects.toThrow(/word/);
  });
});

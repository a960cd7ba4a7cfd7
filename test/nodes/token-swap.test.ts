// Token Swap: what goes, what comes, what stays.
import { batchOf } from '../../engine/image/batch.ts';
import { decodeFrames } from '../../engine/image/decode-frames.ts';
import { makeContext, runNode, type TestContext, testClip } from '../helpers/node-context.ts';

let context: TestContext;
beforeEach(() => {
  context = makeContext();
});
afterEach(() => context.close());

const run = async (inputs: Record<string, unknown>) =>
  runNode('TokenSwap', { clip: await testClip(), ...inputs }, context);

test('several replacements give several prompts, the rest stays', async () => {
  const { outputs, ui } = await run({
    prompt: 'red cat on a roof',
    mode: 'word',
    from: 'cat',
    to: 'tiger, house',
  });
  expect(outputs.prompts).toEqual(['red tiger on a roof', 'red house on a roof']);
  expect(outputs.edit_stability).toHaveLength(2);
  expect(outputs.tokens[0].ids).toEqual((await testClip()).tokenizer.encode('red tiger on a roof'));
  expect(outputs.contributions).toMatch(/^\| token +\| contribution \|/);
  expect(ui).toEqual({ text: ['red tiger on a roof\nred house on a roof'] });
});

test('auto finds what goes by the picture; an empty replacement removes', async () => {
  const { width, height, colours } = await decodeFrames('examples/tiger.png', 'tiger');
  const image = batchOf([{ data: colours[0], width, height, channels: 3 }]);
  const { outputs } = await run({
    prompt: 'tiger in a garden',
    mode: 'auto',
    from: 'tiger',
    to: '',
    image,
  });
  expect(outputs.prompts).toEqual(['in a garden']);
});

test('position counts tokens', async () => {
  const { outputs } = await run({
    prompt: 'red cat',
    mode: 'position',
    position: 1,
    count: 1,
    to: 'dog',
  });
  expect(outputs.prompts).toEqual(['red dog']);
});

test('a word that is not in the prompt is refused', async () => {
  const lost = run({ prompt: 'red cat', mode: 'word', from: 'guitar', to: 'dog' });
  await expect(lost).rejects.toMatchObject({ code: 'OPTION_INVALID' });
});

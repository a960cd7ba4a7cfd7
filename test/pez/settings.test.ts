// Options: defaults, limits, and messages that say what was expected and what was given.
import { defaults, type InvertOptions, official } from '../../engine/pez/options.ts';
import { resolveOptions } from '../../engine/pez/settings.ts';
import { towerTokenizer } from './tower-clip.ts';

const tokenizer = towerTokenizer(158, 159, 24);
const resolve = (options: object) =>
  resolveOptions({ targets: [{ text: 'ba' }], ...options } as InvertOptions, tokenizer);

test('what is left out, or undefined, takes the default', () => {
  const settings = resolve({ length: undefined, steps: 7 });
  expect(settings).toMatchObject({ length: defaults.length, steps: 7, restarts: defaults.restarts, seed: 0 });
});

test('the official settings are those of the paper', () => {
  expect(official).toMatchObject({ learningRate: 0.1, weightDecay: 0.1, steps: 3000, length: 16, restarts: 1 });
  const settings = resolve(official);
  expect(settings).toMatchObject({ polish: 0, earlyStop: Number.POSITIVE_INFINITY, vocabularyName: 'all' });
});

test('true and false of polish and earlyStop become counts', () => {
  expect(resolve({ polish: true }).polish).toBeGreaterThan(0);
  expect(resolve({ polish: false }).polish).toBe(0);
  expect(resolve({ polish: 3 }).polish).toBe(3);
  expect(resolve({ earlyStop: false }).earlyStop).toBe(Number.POSITIVE_INFINITY);
});

test('the prompt may fill the context to the last position', () => {
  expect(resolve({ length: 22 }).length).toBe(22);
  expect(resolve({ length: 20, template: 'ba {} be' }).length).toBe(20);
});

test.each<[string, object, RegExp]>([
  ['length 0', { length: 0 }, /length.*1 to 22.*is 0/],
  ['a length beyond the context', { length: 23 }, /length.*1 to 22.*24 tokens.*is 23/],
  ['a length beyond what the template leaves', { length: 22, template: 'ba {}' }, /length.*1 to 21/],
  ['half a token', { length: 2.5 }, /length/],
  ['a length that is text', { length: '8' }, /length.*"8"/],
  ['no step', { steps: 0 }, /steps.*is 0/],
  ['endless steps', { steps: Number.POSITIVE_INFINITY }, /steps.*Infinity/],
  ['a learning rate of 0', { learningRate: 0 }, /learningRate.*above 0/],
  ['a learning rate that is no number', { learningRate: Number.NaN }, /learningRate.*NaN/],
  ['a negative weight decay', { weightDecay: -1 }, /weightDecay/],
  ['a weight decay that turns the prompt around', { weightDecay: 10 }, /weightDecay/],
  ['no restart', { restarts: 0 }, /restarts/],
  ['a negative seed', { seed: -1 }, /seed/],
  ['a template without a place', { template: 'a photo' }, /template.*\{\} exactly once.*a photo/],
  ['a template with two places', { template: '{} and {}' }, /template/],
  ['an initial prompt beyond the length', { length: 2, initialPrompt: 'ba be bi' }, /initialPrompt.*2 tokens.*has 3/],
  ['a batch of no target', { batchSize: 0 }, /batchSize/],
  ['an unknown vocabulary', { vocabulary: 'emoji' }, /vocabulary.*all, printable, words.*emoji/],
  ['an unknown projection', { projection: 'dot' }, /projection.*cosine, l2/],
  ['an allow-list that is one text', { allow: 'ba' }, /allow.*list/],
  ['an empty blocked word', { block: [''] }, /block/],
  ['polish below 0', { polish: -1 }, /polish/],
  ['no candidate', { topK: 0 }, /topK/],
  ['a patience of 0', { earlyStop: 0 }, /earlyStop/],
  ['no target', { targets: [] }, /targets.*at least one/],
  ['no list of targets', { targets: undefined }, /targets/],
  ['a target of two kinds', { targets: [{ text: 'ba', image: new Uint8Array(1) }] }, /exactly one/],
  ['a target of no kind', { targets: [{ weight: 1 }] }, /exactly one/],
  ['an empty text', { targets: [{ text: ' ' }] }, /text/],
  ['a weight that is no number', { targets: [{ text: 'ba', weight: Number.NaN }] }, /weight.*finite.*NaN/],
  ['weights of 0 only', { targets: [{ text: 'ba', weight: 0 }] }, /weight/],
  [
    'an embedding of zeros',
    { targets: [{ embedding: new Float32Array(24) }] },
    /embedding.*Float32Array of length 24\./,
  ],
])('%s: OPTION_INVALID with a clear message', (_, options, message) => {
  expect(() => resolve(options)).toThrow(
    expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringMatching(message) }),
  );
});

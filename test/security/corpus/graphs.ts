// Graphs that attack validation and the executor: by name, what POST /prompt gets as `prompt`. Large ones are made by small functions.

type Graph = Readonly<Record<string, unknown>>;

/** As many nodes as a prompt may have, but for an output or two. */
const NODES = 19_990;

const node = (class_type: string, inputs: object = {}) => ({ class_type, inputs });
const many = (count: number, make: (i: number) => [id: string, value: unknown]): Graph =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => make(i)));
const shows = (id: string): Graph => ({ out: node('PreviewAny', { source: [id, 0] }) });
const chainOf = (inputs: (before: string, i: number) => object, type: string): Graph => ({
  ...many(NODES, (i) => [`n${i}`, node(type, inputs(`n${i + 1}`, i))]),
  [`n${NODES}`]: node('PrimitiveInt', { value: 1 }),
  ...shows('n0'),
});

/** Links that validation must not be talked out of looking at. */
const smuggled = (name: string): Graph => ({
  '1': node('PreviewAny', { source: { __value__: ['2', 0] } }),
  '2': node('CLIPLoader', { clip_name: name }),
  '3': node('TestSink', { value: { __value__: { __value__: ['2', 0] } } }),
});

export const graphs: Readonly<Record<string, () => Graph>> = {
  'a link in __value__ to an absolute path': () => smuggled('/etc'),
  'a link in __value__ to a hub id': () => smuggled('stranger/model'),
  'a link in __value__ to nothing': () => ({ '1': node('PreviewAny', { source: { __value__: ['99', 0] } }) }),
  'a list output into the name of a model': () => ({
    '1': node('TestList', { count: 3 }),
    '2': node('CLIPLoader', { clip_name: ['1', 0] }),
    '3': node('TestSink', { value: ['2', 0] }),
  }),
  'a picture that is a number': () => ({ '1': node('SaveImage', { images: 5, filename_prefix: 'a' }) }),
  'a picture of a quadrillion': () => ({
    '1': node('SaveImage', { images: { shape: [1e15, 1, 1, 3], data: [] }, filename_prefix: 'a' }),
  }),
  'a cycle of two': () => ({
    a: node('TestPeek', { value: ['b', 0] }),
    b: node('TestPeek', { value: ['a', 0] }),
    ...shows('a'),
  }),
  'one long cycle': () => ({
    ...many(NODES, (i) => [`n${i}`, node('TestPeek', { value: [`n${(i + 1) % NODES}`, 0] })]),
    ...shows('n0'),
  }),
  'links back to the root': () => chainOf((before) => ({ a: [before, 0], b: ['n0', 0] }), 'TestAdd'),
  'links back to every tenth node': () =>
    chainOf((before, i) => ({ a: [before, 0], b: [`n${i - (i % 10)}`, 0] }), 'TestAdd'),
  'a cycle of one at every node': () => many(NODES, (i) => [`n${i}`, node('PreviewAny', { source: [`n${i}`, 0] })]),
  'a long chain': () => chainOf((before) => ({ a: [before, 0], b: 0 }), 'TestAdd'),
  'a chain of diamonds': () => chainOf((before) => ({ a: [before, 0], b: [before, 0] }), 'TestAdd'),
  'a star': () => ({
    a: node('PrimitiveInt', { value: 1 }),
    ...many(NODES, (i) => [`n${i}`, node('TestSink', { value: ['a', 0] })]),
  }),
  'wide pairs': () => ({
    ...many(NODES / 2, (i) => [`a${i}`, node('PrimitiveInt', { value: i })]),
    ...many(NODES / 2, (i) => [`b${i}`, node('TestSink', { value: [`a${i}`, 0] })]),
  }),
  'outputs that all need one wrong chain': () => ({
    ...chainOf((before) => ({ a: [before, 0], b: 'x' }), 'TestAdd'),
    ...many(9, (i) => [`o${i}`, node('TestSink', { value: ['n0', 0] })]),
  }),
  'wrong at every node': () => many(NODES, (i) => [`n${i}`, node('TestRefuse', { text: `bad ${i}` })]),
  'wrong names of files at every node': () =>
    many(NODES / 2, (i) => [`n${i}`, node('PreviewAny', { source: [`l${i}`, 0] })]) && {
      ...many(NODES / 2, (i) => [`n${i}`, node('TestSink', { value: [`l${i}`, 0] })]),
      ...many(NODES / 2, (i) => [`l${i}`, node('LoadImage', { image: `missing ${i}.png` })]),
    },
  'nothing given at any node': () => many(NODES, (i) => [`n${i}`, node('SaveImage')]),
  'undeclared links': () => ({
    a: node('PrimitiveInt', { value: 1 }),
    b: node('TestSink', { value: ['a', 0], ...many(200_000, (i) => [`x${i}`, ['a', 0]]) }),
  }),
  'ids of 7,000 characters': () => ({
    ...many(1000, (i) => [`${i}${'x'.repeat(7000)}`, node('TestSink', { value: ['w', 0] })]),
    w: node('TestAdd', { a: 'x' }),
  }),
  'a name of many batch numbers': () => ({
    '1': node('LoadImage', { image: 'tiger.png' }),
    '2': node('SaveImage', { images: ['1', 0], filename_prefix: '%batch_num%'.repeat(20) }),
  }),
  ...Object.fromEntries(
    [
      ['FLOAT', 'float'],
      ['INT', 'int'],
      ['STRING', 'string'],
      ['COMBO', 'combo'],
      ['BOOLEAN', 'boolean'],
    ].flatMap(([type, input]) => [
      [`a ${type} of 7 MB of digits`, () => ({ '1': node('TestWidgets', { [input]: `${'1'.repeat(7_000_000)}x` }) })],
      [
        `a ${type} of 7 MB of quotes and lines`,
        () => ({ '1': node('TestWidgets', { [input]: `"'\n\\`.repeat(900_000) }) }),
      ],
      [
        `a ${type} of a million objects`,
        () => ({
          '1': node('TestWidgets', { [input]: { __value__: Array.from({ length: 900_000 }, () => ({ a: 1 })) } }),
        }),
      ],
    ]),
  ),
  'names that mean something to JavaScript': () =>
    Object.fromEntries(
      ['__proto__', 'constructor', 'toString', 'hasOwnProperty', ''].map((id) => [
        id,
        node(
          'PreviewAny',
          Object.fromEntries([
            ['source', [id, 0]],
            ['__proto__', [id, 0]],
          ]),
        ),
      ]),
    ),
};

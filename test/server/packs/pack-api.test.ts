// What a pack may ask beyond plain inputs, on a real server: any inputs, raw links, hidden inputs of its own, types of links, expansions.
import { join } from 'node:path';
import { type Json, startTestServer, type TestServer, testPack } from '../../helpers/server.ts';

const apiPack = join(import.meta.dirname, '../../fixtures/api-pack');
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ packDirs: [testPack, apiPack] });
});
afterAll(() => server.close());

const node = (class_type: string, inputs: object = {}) => ({ class_type, inputs });
const number = (value: number) => node('TestAdd', { a: value, b: 0 });
/** What node `id` shows. */
async function shown(id: string, prompt: object): Promise<Json> {
  const { history } = await server.run(prompt);
  expect(history.status.messages.at(-1)).toEqual(['execution_success', expect.anything()]);
  return history.outputs[id].text.map((text: string) => JSON.parse(text));
}
/** The errors of node `id`. */
const errors = async (id: string, prompt: object): Promise<Json> =>
  (await server.post('/prompt', { prompt })).body.node_errors[id]?.errors;

test('anyInputs: what is linked beyond the declared inputs is computed and passed; literals are not', async () => {
  const prompt = {
    '1': number(1),
    '2': number(2),
    '3': node('TestList', { count: 2 }),
    '4': node('ApiAny', {
      first: ['1', 0],
      second: ['2', 0],
      __proto: ['3', 0],
      literal: 5,
      list: { __value__: ['1', 0] },
    }),
  };
  expect(await shown('4', prompt)).toEqual([
    { first: 1, second: 2, __proto: 1 },
    { first: 1, second: 2, __proto: 2 },
  ]);
});

test('anyInputs: what such a link leads to is validated like all else', async () => {
  const prompt = { '1': node('TestAdd', { a: 'x', b: 0 }), '2': node('ApiAny', { other: ['1', 0] }) };
  expect(await errors('1', prompt)).toMatchObject([{ type: 'invalid_input_type' }]);
  expect(await errors('2', { '2': node('ApiAny', { other: ['9', 0] }) })).toMatchObject([
    { type: 'exception_during_validation', details: expect.stringContaining('has no node') },
  ]);
});

test('a link at an input that the class does not have is an error, not dropped', async () => {
  const prompt = { '1': number(1), '2': node('TestShow', { value: ['1', 0], other: ['1', 0] }) };
  expect(await errors('2', prompt)).toEqual([
    {
      type: 'undeclared_input',
      message: 'Linked input does not exist',
      details: expect.stringMatching(/^other: TestShow has no input of that name\. Remove the link/),
      extra_info: { input_name: 'other' },
    },
  ]);
  // A literal there is left behind by front ends, and harms nobody.
  expect(await shown('2', { '1': number(1), '2': node('TestShow', { value: ['1', 0], upload: 'image' }) })).toEqual([
    1,
  ]);
});

test('rawLink: the node gets the link, after what it links to has run', async () => {
  const { history, messages } = await server.run({ '1': number(77), '2': node('ApiRaw', { value: ['1', 0] }) });
  expect(history.outputs['2'].text).toEqual(['["1",0]']);
  const ran = messages.flatMap((m) => (!Buffer.isBuffer(m) && m.type === 'executing' ? [m.data.node] : []));
  expect(ran).toEqual(['1', '2', null]);
});

test('checkLazyStatus may be asynchronous', async () => {
  const prompt = {
    '1': number(1),
    '2': node('TestFail'),
    '3': node('ApiLazy', { wanted: 'a', a: ['1', 0], b: ['2', 0] }),
  };
  expect(await shown('3', prompt)).toEqual([{ a: 1 }]);
});

test('hidden inputs of its own are read from the graph, checked, and described as hidden', async () => {
  expect(await shown('1', { '1': node('ApiHidden') })).toEqual([{ id: '1', kept: 7 }]);
  expect(await shown('1', { '1': node('ApiHidden', { kept: '5' }) })).toEqual([{ id: '1', kept: 5 }]);
  expect(await shown('2', { '1': number(9), '2': node('ApiHidden', { kept: ['1', 0] }) })).toEqual([
    { id: '2', kept: 9 },
  ]);
  expect(await errors('1', { '1': node('ApiHidden', { kept: -1 }) })).toMatchObject([
    { type: 'value_smaller_than_min' },
  ]);
  expect(await errors('2', { '1': number(9), '2': node('ApiHidden', { id: ['1', 0] }) })).toMatchObject([
    { type: 'undeclared_input' },
  ]);
  const { ApiHidden } = await server.get('/object_info/ApiHidden');
  expect(ApiHidden.input).toEqual({
    required: {},
    hidden: { id: 'UNIQUE_ID', kept: ['INT', { default: 7, min: 0 }] },
  });
});

test('validate sees the types of links, and may replace the check of them', async () => {
  const text = node('TestText', { text: 'a' });
  const mixed = { '1': number(1), '2': text, '3': node('ApiTypes', { a: ['1', 0], b: ['2', 0] }) };
  expect(await errors('3', mixed)).toMatchObject([
    { type: 'custom_validation_failed', details: 'a - INT is not STRING' },
    { type: 'custom_validation_failed', details: 'b - INT is not STRING' },
  ]);
  expect(await shown('3', { '2': text, '3': node('ApiTypes', { a: ['2', 0], b: ['2', 0] }) })).toEqual([
    { a: 'a', b: 'a' },
  ]);
});

test('GraphBuilder: every call expands to ids of its own, the same in each run', async () => {
  const prompt = (salt: number) => ({
    '1': node('TestList', { count: 3 }),
    '2': node('ApiExpand', { value: ['1', 0] }),
    '3': node('TestShow', { value: ['2', 0] }),
    '4': node('TestShow', { value: salt }),
  });
  const ids = async (salt: number) => {
    const { messages, history } = await server.run(prompt(salt), { extra_data: {} });
    expect(history.outputs['3'].text).toEqual(['111', '112', '113']);
    return messages.flatMap((m) =>
      !Buffer.isBuffer(m) && m.type === 'executing' && m.data.node?.startsWith('2.') ? [m.data.node] : [],
    );
  };
  const first = await ids(1);
  expect(first.sort()).toEqual(['2.0.0.1', '2.0.0.last', '2.1.0.1', '2.1.0.last', '2.2.0.1', '2.2.0.last']);
  await server.post('/free', { free_memory: true });
  expect((await ids(2)).sort()).toEqual(first);
});

test('a literal for a socket of pictures or models is refused before anything runs', async () => {
  for (const value of [5, 'text', { shape: [1e15, 1, 1, 3] }, { __value__: [[1, 2], [3]] }, true])
    expect(await errors('1', { '1': node('SaveImage', { images: value, filename_prefix: 'a' }) })).toMatchObject([
      { type: 'invalid_input_type', message: 'Failed to convert an input value to a IMAGE value' },
    ]);
});

// POST /prompt takes what the JSON Schema that the server shows allows, and refuses what it forbids (protocol: Submitting a prompt).
import { promptRefusal } from '../../../../schemas/errors.ts';
import { jsonSchemas } from '../../../../schemas/json-schema.ts';
import { isValid } from '../../../helpers/json-schema.ts';
import { prompt, type QueueServer, startQueueServer } from '../../../helpers/queue-server.ts';

let server: QueueServer;
beforeAll(async () => {
  server = await startQueueServer();
});
afterAll(() => server.close());

const ALLOWED: readonly object[] = [
  {},
  { number: null, prompt_id: null, extra_data: null, client_id: null, partial_execution_targets: null, front: null },
  { number: 12.5 },
  { number: '7' },
  { number: ' -1.5e3 ' },
  { number: false },
  { number: 1e300 },
  { prompt_id: 'any text at all, 😀 too' },
  { prompt_id: 17 },
  { prompt_id: '😀'.repeat(200) },
  { front: 'yes' },
  { front: [] },
  { front: 0 },
  { client_id: '' },
  { extra_data: { client_id: 5, extra_pnginfo: null } },
  { partial_execution_targets: ['2', 'unknown'] },
  { somethingElse: { deep: [1] } },
];

test.each(ALLOWED)('%j is accepted', async (fields) => {
  const body = { prompt, ...fields };
  expect(isValid(jsonSchemas['prompt-request'], body)).toBe(true);
  expect(await server.queue(fields)).toMatchObject({ status: 200 });
});

const FORBIDDEN: readonly [fields: unknown, type: string][] = [
  [{ number: 'soon' }, 'invalid_request'],
  [{ number: '' }, 'invalid_request'],
  [{ number: '0x10' }, 'invalid_request'],
  [{ number: 'Infinity' }, 'invalid_request'],
  [{ number: [] }, 'invalid_request'],
  [{ prompt_id: '' }, 'invalid_prompt_id'],
  [{ prompt_id: true }, 'invalid_prompt_id'],
  [{ prompt_id: ['a'] }, 'invalid_prompt_id'],
  [{ prompt_id: 'a\nb' }, 'invalid_prompt_id'],
  [{ prompt_id: 'a\ud800' }, 'invalid_prompt_id'],
  [{ prompt_id: 'x'.repeat(201) }, 'invalid_prompt_id'],
  [{ prompt_id: 1e200 }, 'invalid_prompt_id'],
  [{ extra_data: [] }, 'invalid_request'],
  [{ extra_data: 'x' }, 'invalid_request'],
  [{ client_id: 5 }, 'invalid_request'],
  [{ partial_execution_targets: '2' }, 'invalid_request'],
  [{ partial_execution_targets: [2] }, 'invalid_request'],
  [{ prompt: undefined }, 'no_prompt'],
  [{ prompt: null }, 'no_prompt'],
  [{ prompt: 5 }, 'invalid_prompt'],
  [{ prompt: [] }, 'invalid_prompt'],
  [{ prompt: { ...prompt, '9': 5 } }, 'missing_node_type'],
  [{ prompt: { ...prompt, '9': { inputs: {} } } }, 'missing_node_type'],
  [{ prompt: { ...prompt, '9': { class_type: 5, inputs: {} } } }, 'missing_node_type'],
];

test.each(FORBIDDEN)('%j is refused as %s', async (fields, type) => {
  const text = JSON.stringify({ prompt, ...(fields as object) });
  expect(isValid(jsonSchemas['prompt-request'], JSON.parse(text))).toBe(false);
  const response = await server.post('/prompt', text);
  expect(response.status).toBe(400);
  expect(promptRefusal.parse(await response.json()).error.type).toBe(type);
});

test('of several mistakes the first is told: number, prompt_id, extra_data, client_id, targets, prompt', async () => {
  const wrong = { number: 'x', prompt_id: '', extra_data: 1, client_id: 1, partial_execution_targets: 1, prompt: null };
  const told: string[] = [];
  for (const key of Object.keys(wrong) as (keyof typeof wrong)[]) {
    const { error } = promptRefusal.parse(await (await server.post('/prompt', wrong)).json());
    told.push(error.type === 'invalid_request' ? error.details.split(' ')[0] : error.type);
    delete (wrong as Partial<typeof wrong>)[key];
  }
  expect(told).toEqual([
    'number',
    'invalid_prompt_id',
    'extra_data',
    'client_id',
    'partial_execution_targets',
    'no_prompt',
  ]);
});

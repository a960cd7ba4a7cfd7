// The body of POST /prompt: the JSON Schema that is served and the schema that parses say the same of every body.
import fc from 'fast-check';
import { jsonSchemas } from '../../schemas/json-schema.ts';
import { promptRequest } from '../../schemas/prompt.ts';
import { parseJson, stringifyJson } from '../../server/json.ts';
import { isValid } from '../helpers/json-schema.ts';
import { anyJson, anyText } from '../server/fuzz-arbitraries.ts';

const served = jsonSchemas['prompt-request'];
const graph = { '1': { class_type: 'A', inputs: {} } };

const numericText = fc
  .tuple(
    fc.constantFrom('', '-', '+', ' '),
    fc.integer({ min: 0 }),
    fc.constantFrom('', '.', '.5', 'e3', 'e-10', 'e999'),
  )
  .map((parts) => parts.join(''));
const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.bigInt(),
  fc.bigInt({ min: -(10n ** 400n), max: 10n ** 400n }),
  fc.constantFrom(1e100, -1e100, 1.1e100, Number.MAX_VALUE, 0, -0),
);
/** Any JSON, with what each key may hold among it. */
const value = fc.oneof(
  anyJson,
  number,
  numericText,
  anyText,
  fc.string({ unit: 'grapheme', minLength: 195, maxLength: 205 }),
  fc.constantFrom(null, true, false, '', '\u007f', '\u0085', '😀'.repeat(200), '😀'.repeat(201)),
  fc.array(fc.oneof({ weight: 9, arbitrary: anyText }, anyJson), { maxLength: 4 }),
);
const mostly = (valid: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 8, arbitrary: valid }, { weight: 1, arbitrary: value });
const body = fc
  .record(
    {
      number: mostly(fc.oneof(number, numericText)),
      prompt_id: mostly(anyText),
      extra_data: mostly(fc.dictionary(anyText, anyJson)),
      client_id: mostly(anyText),
      partial_execution_targets: mostly(fc.array(anyText)),
      front: value,
    },
    { requiredKeys: [] },
  )
  .map((fields) => stringifyJson({ prompt: graph, ...fields }));

test('a body is parsed if, and only if, the JSON Schema allows it', () => {
  const seen = { allowed: 0, forbidden: 0 };
  fc.assert(
    fc.property(body, (text) => {
      const allowed = isValid(served, JSON.parse(text));
      seen[allowed ? 'allowed' : 'forbidden']++;
      expect(promptRequest.safeParse(parseJson(text)).success).toBe(allowed);
    }),
    { numRuns: 2000, seed: 10 },
  );
  expect(seen.allowed).toBeGreaterThan(200);
  expect(seen.forbidden).toBeGreaterThan(200);
});

test.each(['number', 'prompt_id', 'extra_data', 'client_id', 'partial_execution_targets', 'front'])(
  'what the JSON Schema says of %s is what is parsed',
  (key) => {
    fc.assert(
      fc.property(value, (entry) => {
        const text = stringifyJson({ prompt: graph, [key]: entry });
        expect(promptRequest.safeParse(parseJson(text)).success).toBe(isValid(served, JSON.parse(text)));
      }),
      { numRuns: 1000, seed: 11 },
    );
  },
);

test('values become what the server works with', () => {
  const parsed = (fields: object) => promptRequest.parse({ prompt: graph, ...fields });
  expect(parsed({ number: ' -1.5e3 ' }).number).toBe(-1500);
  expect(parsed({ number: true }).number).toBe(1);
  expect(parsed({ number: 2n ** 60n }).number).toBe(2 ** 60);
  expect(parsed({ prompt_id: 12 }).prompt_id).toBe('12');
  expect(parsed({ prompt_id: 2n ** 64n }).prompt_id).toBe('18446744073709551616');
});

test('what may be large is handed on as it is, with every key', () => {
  const extra = JSON.parse('{"__proto__": {"a": 1}, "b": [NaN]}'.replace('NaN', '1'));
  const parsed = promptRequest.parse({ prompt: graph, extra_data: extra });
  expect(parsed.extra_data).toBe(extra);
  expect(parsed.prompt).toBe(graph);
});

test('a list with a million mistakes is one problem', () => {
  const { error } = promptRequest.safeParse({ prompt: graph, partial_execution_targets: new Array(1e6).fill(1) });
  expect(error?.issues).toHaveLength(1);
});

// JSON that Python writes and reads: NaN, big integers, hostile keys and depths (protocol: Numbers in JSON; Security).
import fc from 'fast-check';
import { parseJson, stringifyJson } from '../../server/json.ts';
import { MAX_JSON_DEPTH } from '../../server/json-scan.ts';

test('NaN and the infinities come in as numbers and go out as null', () => {
  const value = parseJson('{"a": NaN, "b": [Infinity, -Infinity, 1], "c": "NaN, -Infinity \\" NaN"}');
  expect(value).toEqual({ a: Number.NaN, b: [Infinity, -Infinity, 1], c: 'NaN, -Infinity " NaN' });
  expect(stringifyJson(value)).toBe('{"a":null,"b":[null,null,1],"c":"NaN, -Infinity \\" NaN"}');
  expect(parseJson(stringifyJson(value, { nonFinite: 'keep' }))).toEqual(value);
});

test('integers beyond 2^53 keep every digit', () => {
  const text = '{"max":18446744073709551615,"min":-9007199254740993,"safe":9007199254740991,"float":1.5e300}';
  expect(parseJson(text)).toEqual({
    max: 18446744073709551615n,
    min: -9007199254740993n,
    safe: 9007199254740991,
    float: 1.5e300,
  });
  expect(stringifyJson(parseJson(text))).toBe(text.replace('1.5e300', '1.5e+300'));
});

test.each([
  '',
  '{',
  '[1,]',
  '{NaN: 1}',
  '{12345678901234567890: 1}',
  '1NaN',
  '-NaN',
  'NaN1',
  '012345678901234567890',
  '12345678901234567890.',
  '"',
  '"\\"',
  '[NaN 1]',
  'nan',
  '[12345678901234567890"a"]',
])('what is no JSON is refused: %s', (text) => expect(() => parseJson(text)).toThrow(SyntaxError));

test('a key __proto__ stays a key and changes no prototype', () => {
  const text = '{"__proto__":{"polluted":12345678901234567890},"a":1}';
  const value = parseJson(text) as Record<string, unknown>;
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(value.polluted).toBeUndefined();
  expect(stringifyJson(value)).toBe(text);
});

test('JSON that nests too deep is refused, not a full stack', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  expect(stringifyJson(parseJson(nested(MAX_JSON_DEPTH)))).toBe(nested(MAX_JSON_DEPTH));
  expect(() => parseJson(nested(1_000_000))).toThrow(/deeper than 500 levels/);
  expect(parseJson(`"${'['.repeat(1000)}"`)).toHaveLength(1000);
});

test.each(['[1,2,3]', '[[],0]', '{"a":1,"b":2,"c":3}', '[0,0,0]', '[{"a":"x,,,,"},1]'])(
  'more values than allowed are refused before any is made: %s',
  (text) => {
    expect(() => parseJson(text, { maxValues: 3 })).not.toThrow();
    expect(() => parseJson(text, { maxValues: 2 })).toThrow(/^JSON holds more than 2 values\.$/);
  },
);

test('of the values, one in four may be NaN, Infinity or a large integer', () => {
  const special = '[NaN,12345678901234567890,-Infinity]';
  expect(parseJson(special, { maxValues: 12 })).toHaveLength(3);
  expect(() => parseJson(special, { maxValues: 11 })).toThrow(/too many NaN, Infinity or integers beyond/);
});

test('integers may be as long as in Python, and no longer', () => {
  const digits = '1'.repeat(4300);
  expect(parseJson(digits)).toBe(BigInt(digits));
  expect(() => parseJson(`[${digits}1]`)).toThrow(/more than 4300 digits/);
  expect(parseJson(`0.${'1'.repeat(10_000)}`)).toBeCloseTo(1 / 9);
});

test('what JSON.parse takes, parseJson takes alike', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const plain = JSON.stringify(JSON.parse(text), (_k, v) => v);
      const ours = JSON.stringify(parseJson(text), (_k, v) => (typeof v === 'bigint' ? Number(v) : v));
      expect(ours).toBe(plain);
    }),
    { seed: 1 },
  );
});

test('any text is parsed or refused with a SyntaxError', () => {
  const pieces = fc.constantFrom(
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    'NaN',
    '-',
    'Infinity',
    '12345678901234567890',
    '.5',
    'e9',
    ' ',
    'a',
    '0',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      try {
        parseJson(parts.join(''));
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError);
      }
    }),
    { seed: 2, numRuns: 2000 },
  );
});

test('values with big integers make the round trip', () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.bigInt({ min: 2n ** 53n, max: 2n ** 80n }),
      fc.bigInt({ min: -(2n ** 80n), max: -(2n ** 53n) }),
      fc
        .double()
        .map((number) =>
          Object.is(number, -0) ? 0 : Number.isInteger(number) && Math.abs(number) >= 2 ** 53 ? 0.5 : number,
        ),
      fc.string(),
      fc.array(tie('any')),
      fc.dictionary(fc.string(), tie('any')),
    ),
  })).any;
  fc.assert(
    fc.property(value, (v) => expect(parseJson(stringifyJson(v, { nonFinite: 'keep' }))).toEqual(v)),
    { seed: 3 },
  );
});

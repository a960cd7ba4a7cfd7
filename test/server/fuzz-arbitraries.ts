// What the fuzz tests send: JSON around graphs, mutated graphs, multipart bodies, names.
import fc from 'fast-check';

/** Names that mean something to JavaScript, to file systems, to HTTP, or to us. */
const PITFALLS = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', '__value__', 'length'],
  ...[
    '..',
    '../..',
    '../../etc/passwd',
    '/etc/passwd',
    '..\\..\\x',
    'C:\\x',
    '\\\\host\\x',
    '%2e%2e%2f',
    'CON',
    'nul.png',
  ],
  ...[
    'a.png',
    'tiger.png [input]',
    'a.png [output]',
    'x [temp]',
    '',
    ' ',
    '.',
    '\0',
    'a\0b',
    'a\r\nSet-Cookie: x',
    '"',
    "';--",
  ],
  ...[
    'class_type',
    'inputs',
    '_meta',
    'images',
    '1',
    '2',
    '-1',
    '1e999',
    'NaN',
    '𝔘',
    '\ud800',
    'é'.repeat(200),
    'x'.repeat(3000),
  ],
];

export const pitfall: fc.Arbitrary<string> = fc.constantFrom(...PITFALLS);
export const anyText: fc.Arbitrary<string> = fc.oneof(pitfall, fc.string({ unit: 'binary', maxLength: 20 }));

const scalar: fc.Arbitrary<unknown> = fc.oneof(
  anyText,
  fc.double(),
  fc.integer(),
  fc.constantFrom(null, true, false, 0, -0, 2 ** 53, -1, 1e308),
);
/** What JSON can hold, with keys such as __proto__ (fromEntries defines them as own). */
export const anyJson: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(anyText, tie('value')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
})).value;

/** A graph that runs in milliseconds and uses links, pictures, numbers and text. */
export const validGraph = () => ({
  '1': { class_type: 'LoadImage', inputs: { image: 'small.png' } },
  '2': {
    class_type: 'ImageScale',
    inputs: { image: ['1', 0], upscale_method: 'bilinear', width: 4, height: 4, crop: 'disabled' },
  },
  '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'fuzz/out' } },
  '4': { class_type: 'PrimitiveInt', inputs: { value: 3 } },
  '5': { class_type: 'PreviewAny', inputs: { source: ['4', 0] } },
  '6': { class_type: 'PrimitiveString', inputs: { value: 'text' } },
  '7': { class_type: 'PreviewAny', inputs: { source: ['6', 0] }, _meta: { title: 'Text' } },
  '8': { class_type: 'TestList', inputs: { count: 3 } },
  '9': { class_type: 'TestAdd', inputs: { a: ['8', 0], b: ['4', 0] } },
  '10': { class_type: 'TestExpand', inputs: { a: ['4', 0], b: { __value__: 2 } } },
  '11': { class_type: 'TestShow', inputs: { value: ['10', 0] } },
  '13': { class_type: 'TestShow', inputs: { value: ['9', 0] } },
  '12': { class_type: 'TestWidgets', inputs: { int: 3, float: 0.5, string: 's', boolean: true, combo: 'b' } },
});

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
interface Mutation {
  readonly at: readonly number[];
  readonly kind: 'replace' | 'delete' | 'rename' | 'add' | 'copy';
  readonly key: string;
  readonly value: unknown;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.array(fc.nat(11), { minLength: 1, maxLength: 4 }),
  kind: fc.constantFrom('replace', 'delete', 'rename', 'add', 'copy'),
  key: anyText,
  value: fc.oneof(
    anyJson,
    fc.tuple(fc.constantFrom('1', '2', '4', '6', '8', '9', '10', '__proto__'), fc.integer({ min: -2, max: 3 })),
  ),
});

const define = (holder: object, key: string, value: unknown): void => {
  if (Array.isArray(holder)) holder.splice(Number(key) || 0, 0, value);
  else Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
};

/** Walks down by positions, and changes what stands where the walk ends. */
function mutate(root: Json, { at, kind, key, value }: Mutation): void {
  let holder: Json = root;
  for (const [depth, position] of at.entries()) {
    if (typeof holder !== 'object' || holder === null) return;
    const keys: string[] = Object.keys(holder);
    if (keys.length === 0) return;
    const name = keys[position % keys.length];
    const inner: Json | undefined = Object.getOwnPropertyDescriptor(holder, name)?.value;
    if (depth < at.length - 1 && typeof inner === 'object' && inner !== null) {
      holder = inner;
      continue;
    }
    if (kind === 'replace') define(holder, name, value);
    else if (kind === 'add') define(holder, key, value);
    else if (kind === 'copy') define(holder, key, inner);
    else {
      delete (holder as Record<string, Json>)[name];
      if (kind === 'rename') define(holder, key, inner);
    }
    return;
  }
}

export const mutatedGraph: fc.Arbitrary<unknown> = fc
  .array(mutation, { minLength: 1, maxLength: 6 })
  .map((mutations) => {
    const graph = validGraph();
    for (const one of mutations) mutate(graph, one);
    return graph;
  });

/** The body of POST /prompt with fields of any kind; its text is JSON. */
export const promptBody: fc.Arbitrary<string> = fc
  .record(
    {
      prompt: fc.oneof({ weight: 4, arbitrary: mutatedGraph }, { weight: 1, arbitrary: anyJson }),
      client_id: fc.option(fc.oneof(anyText, anyJson)),
      prompt_id: fc.option(fc.oneof(fc.uuid(), anyText, anyJson), { freq: 8 }),
      number: fc.option(fc.oneof(fc.integer(), anyJson), { freq: 8 }),
      front: fc.option(anyJson),
      extra_data: fc.option(fc.oneof(fc.dictionary(anyText, anyJson), anyJson), { freq: 2 }),
      partial_execution_targets: fc.option(fc.array(fc.constantFrom('3', '5', '7', '11', '__proto__')), { freq: 4 }),
    },
    { requiredKeys: ['prompt'] },
  )
  .map((body) => JSON.stringify(body));

/** Text that is nearly JSON: cut, doubled, with Python's numbers. */
export const brokenBody: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.tuple(promptBody, fc.nat(400)).map(([text, at]) => text.slice(0, at)),
  fc.tuple(promptBody, fc.nat(400), anyText).map(([text, at, extra]) => text.slice(0, at) + extra + text.slice(at)),
  fc.nat(2000).map((depth) => `{"prompt":${'['.repeat(depth)}${']'.repeat(depth)}}`),
  fc.constantFrom(
    'NaN',
    '{"prompt":NaN}',
    '{"prompt":{},"number":-Infinity}',
    '[]',
    '"',
    'null',
    '{"a":1}{',
    '\uFEFF{}',
  ),
);

const headerText = fc.string({ unit: 'binary', maxLength: 12 });
const part: fc.Arbitrary<Buffer> = fc
  .record({
    name: fc.oneof(fc.constantFrom('image', 'subfolder', 'type', 'overwrite', 'original_ref'), anyText),
    filename: fc.option(anyText, { freq: 2 }),
    quoted: fc.boolean(),
    type: fc.option(fc.oneof(fc.constantFrom('image/png', 'text/html', 'multipart/mixed; boundary=b'), headerText)),
    encoding: fc.option(fc.constantFrom('base64', '7bit', 'quoted-printable', 'x')),
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map(Buffer.from),
      anyText.map((text) => Buffer.from(text)),
    ),
  })
  .map(({ name, filename, quoted, type, encoding, bytes }) => {
    const file = filename === null ? '' : `; filename=${quoted ? `"${filename}"` : filename}`;
    const head = [`Content-Disposition: form-data; name="${name}"${file}`];
    if (type !== null) head.push(`Content-Type: ${type}`);
    if (encoding !== null) head.push(`Content-Transfer-Encoding: ${encoding}`);
    return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes]);
  });

/** A multipart body, whole or damaged, and its content type. */
export const upload: fc.Arbitrary<{ contentType: string; body: Buffer }> = fc
  .record({
    parts: fc.array(part, { maxLength: 5 }),
    boundary: fc.constantFrom('b0undary', 'b', "a'()+_,-./:=?", 'x'.repeat(70)),
    declared: fc.option(fc.constantFrom('other', '', '"', 'x'.repeat(500)), { freq: 8 }),
    cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 5 }),
  })
  .map(({ parts, boundary, declared, cut }) => {
    const pieces = parts.flatMap((bytes) => [Buffer.from(`--${boundary}\r\n`), bytes, Buffer.from('\r\n')]);
    const body = Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]);
    return {
      contentType: `multipart/form-data; boundary="${declared ?? boundary}"`,
      body: cut === null ? body : body.subarray(0, Math.floor(cut * body.length)),
    };
  });

/** A query of /view: known parameters with known, near and arbitrary values. */
export const viewQuery: fc.Arbitrary<string> = fc
  .array(
    fc.tuple(
      fc.oneof(fc.constantFrom('filename', 'type', 'subfolder', 'preview', 'channel', 'rand'), anyText),
      fc.oneof(
        fc.constantFrom('small.png', 'text.txt', 'input', 'output', 'temp', 'webp;90', 'jpeg;x', 'rgb', 'a'),
        anyText,
      ),
      fc.boolean(),
    ),
    { maxLength: 6 },
  )
  .map((pairs) =>
    pairs.map(([name, value, raw]) => (raw ? `${visible(name)}=${visible(value)}` : escaped(name, value))).join('&'),
  );

/** Only what the first line of a request can hold. */
const visible = (text: string): string => text.replace(/[^!-~]/g, '');
const escaped = (name: string, value: string): string => new URLSearchParams([[name, value]]).toString();

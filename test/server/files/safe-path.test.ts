// Names from users: what leads out of a folder, or is read differently elsewhere, is refused; everything else stays inside.
// (protocol: Security; View)
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import fc from 'fast-check';
import { InputError } from '../../../engine/errors.ts';
import { parseAnnotated } from '../../../server/files/annotated-name.ts';
import { resolveInside, safeParts } from '../../../server/files/safe-path.ts';

let base: string;
let root: string;
beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'safe-')));
  root = join(base, 'root');
  mkdirSync(join(root, 'sub'), { recursive: true });
  mkdirSync(join(base, 'root-beside'));
  writeFileSync(join(base, 'secret.txt'), 'secret');
  symlinkSync(base, join(root, 'out'));
  symlinkSync(join(base, 'secret.txt'), join(root, 'secret.png'));
  symlinkSync(join(base, 'nowhere'), join(root, 'dangling'));
  symlinkSync(join(root, 'circle'), join(root, 'circle'));
  symlinkSync(join(root, 'sub'), join(root, 'within'));
  symlinkSync('../root-beside', join(root, 'beside'));
});
afterAll(() => rmSync(base, { recursive: true }));

const codeOf = (name: string) =>
  resolveInside(root, name).then(
    () => 'inside',
    (error) => (error instanceof InputError ? error.code : `unexpected ${error}`),
  );

test.each([
  ['..', '../a', 'sub/../../a', '/etc/passwd', '/', 'C:/a', 'c:a', 'out/secret.txt', 'secret.png', 'dangling'],
  ['out', 'circle', 'circle/x', 'dangling/x', 'beside', 'beside/x', '//server/share', 'sub/..', './../x'],
])('what leads out of the folder is refused: %s', async (...names) => {
  for (const name of names) expect([name, await codeOf(name)]).toEqual([name, 'PATH_OUTSIDE']);
});

test('names that not every system can keep are refused, each with its reason', async () => {
  const names = [
    'a\0b',
    'a\nb',
    '\x7f',
    '\\\\server\\share',
    'a\\b',
    'CON',
    'con.png',
    'sub/NUL',
    'COM1.txt',
    'LPT¹',
    'aux.',
  ];
  for (const name of [
    ...names,
    'a.',
    'a ',
    'sub./x',
    '...',
    'x'.repeat(256),
    'é'.repeat(128),
    'a/'.repeat(600),
    '\ud800',
  ])
    expect([name, await codeOf(name)]).toEqual([name, 'PATH_INVALID']);
});

test('ordinary names stay inside, there or not', async () => {
  for (const name of [
    'a.png',
    'sub/a b (1).png',
    '.hidden',
    'console.log',
    'com10',
    'a..b',
    'ü/日本.png',
    'within/new.png',
    './a',
    'a//b',
    '',
  ])
    expect([name, await codeOf(name)]).toEqual([name, 'inside']);
  expect(await resolveInside(root, 'within/new.png')).toBe(join(root, 'sub/new.png'));
});

test('whatever the name, the path is inside or an InputError comes', async () => {
  const piece = fc.oneof(
    fc.constantFrom('..', '.', '/', '\\', '%2e%2e', '%2F', 'out', 'sub', 'secret.png', 'C:', '\0', 'NUL', ' ', '~'),
    fc.string({ unit: 'binary', maxLength: 8 }),
  );
  const name = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
  await fc.assert(
    fc.asyncProperty(name, fc.boolean(), async (text, slashes) => {
      const path = await resolveInside(root, slashes ? text.split('').join('/') : text).catch((error) => {
        if (error instanceof InputError) return root;
        throw error;
      });
      expect(path === root || path.startsWith(root + sep)).toBe(true);
    }),
    { numRuns: 400, seed: 7 },
  );
});

test('safe parts joined again are the same safe name', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      let parts: string[];
      try {
        parts = safeParts(text);
      } catch {
        return;
      }
      expect(safeParts(parts.join('/'))).toEqual(parts);
    }),
    { numRuns: 500, seed: 8 },
  );
});

test('an annotation names the folder', () => {
  expect(parseAnnotated('a b.png [output]')).toEqual({ name: 'a b.png', type: 'output' });
  expect(parseAnnotated('clipspace/x.png[input]')).toEqual({ name: 'clipspace/x.png', type: 'input' });
  expect(parseAnnotated('x [other]')).toEqual({ name: 'x [other]' });
});

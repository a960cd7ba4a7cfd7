// The table of docs/errors.md and the codes of engine/errors.ts: the same codes, the same meanings, both ways.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodes, InputError } from '../engine/errors.ts';

const text = readFileSync(join(import.meta.dirname, '../docs/errors.md'), 'utf8');
const rows = [...text.matchAll(/^\| `([A-Z_]+)` *\| (.+?) *\| (.+?) *\|$/gm)].map(([, code, meaning]) => [
  code,
  meaning,
]);

test('docs/errors.md has every code with its meaning, in order, and no other', () => {
  expect(rows).toEqual(Object.entries(errorCodes));
});

test('an InputError carries code, sentence and cause', () => {
  const cause = new Error('deep');
  const error = new InputError('OPTION_INVALID', 'length must be …', { cause });
  expect(error).toMatchObject({ name: 'InputError', code: 'OPTION_INVALID', message: 'length must be …', cause });
});

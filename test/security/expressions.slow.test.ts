// Every regular expression of the product × long texts of every kind of character: each takes linear time, whoever wrote the text.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, Script } from 'node:vm';
import { parseSync } from '@swc/core';
import { repeat, UNITS } from './corpus/texts.ts';

const root = join(import.meta.dirname, '../..');
const BOUND_MS = 500;

const STARTS = ['', '1', 'a/', '"'];

interface Expression {
  readonly file: string;
  readonly source: string;
  readonly flags: string;
}

/** The regular expressions that are written in the source of a file. */
function expressionsIn(file: string): Expression[] {
  const found: Expression[] = [];
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { type, pattern, flags } = node as { type?: string; pattern?: string; flags?: string };
    if (type === 'RegExpLiteral') found.push({ file, source: String(pattern), flags: flags ?? '' });
    for (const value of Object.values(node)) walk(value);
  };
  walk(parseSync(readFileSync(join(root, file), 'utf8'), { syntax: 'typescript' }));
  return found;
}

const files = execFileSync('git', ['ls-files', 'server', 'schemas', 'nodes', 'engine'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file.endsWith('.ts'));
const expressions = files.flatMap(expressionsIn);

/** Tries an expression on a text, with a limit that ends it; how long it took, ms. */
const script = new Script(
  '{ const e = new RegExp(source, flags); if (flags.includes("g")) text.replace(e, ""); else e.test(text); }',
);
const context = createContext({});
function timeOf({ source, flags }: Expression, text: string): number {
  const started = performance.now();
  try {
    script.runInContext(Object.assign(context, { source, flags, text }), { timeout: 2 * BOUND_MS });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
  }
  return performance.now() - started;
}

/** The texts on which it takes too long, each tried twice: the machine may have been busy. */
const slowTexts = (expression: Expression): string[] =>
  UNITS.flatMap((unit) => STARTS.map((start) => ({ unit, text: `${start}${repeat(unit)}\u0001` })))
    .filter(({ text }) => timeOf(expression, text) > BOUND_MS && timeOf(expression, text) > BOUND_MS)
    .map(({ unit }) => unit);

test('every regular expression of server, schemas, nodes and engine takes linear time', () => {
  expect(expressions.length).toBeGreaterThan(70);
  const slow = expressions
    .map(({ file, source, flags }) => ({ at: `${file} /${source}/`, units: slowTexts({ file, source, flags }) }))
    .filter(({ units }) => units.length > 0);
  expect(slow).toEqual([]);
});

test('the check sees a quadratic expression and an exponential one', () => {
  const check = (source: string) => slowTexts({ file: '', source, flags: '' });
  expect(check('^\\d+\\.?\\d*$')).toContain('1');
  expect(check('^(?:a+)+$')).toContain('a');
});

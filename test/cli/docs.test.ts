// docs/cli.md and the program: the same commands and options, both ways.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { makeProgram } from '../../cli/program.ts';
import { root } from './run-cli.ts';

const text = readFileSync(join(root, 'docs/cli.md'), 'utf8');
const flags = (source: string) => new Set([...source.matchAll(/--[a-z][a-z-]+/g)].map(([flag]) => flag));

function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(commandsOf)];
}

const commands = commandsOf(makeProgram());

test('every option is described, and no other', () => {
  const known = new Set(commands.flatMap((command) => command.options.map((option) => option.long!)));
  known.delete('--version');
  const described = flags(text);
  described.delete('--help');
  expect([...described].sort()).toEqual([...known].sort());
});

test('every option of invert stands in its own table, with the names of its values', () => {
  const section = text.slice(text.indexOf('## invert'), text.indexOf('## encode'));
  const invert = commands.find((command) => command.name() === 'invert')!;
  const missing = invert.options.filter(
    ({ flags, long }) => !['--clip', '--dtype', '--device'].includes(long!) && !section.includes(`\`${flags}\``),
  );
  expect(missing.map((option) => option.flags)).toEqual([]);
});

test('every command is described', () => {
  for (const command of commands.slice(1)) expect(text).toContain(command.name());
});

// The command line for commander: the commands, and the exit code for each way that they can end.
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { InputError } from '../engine/errors.ts';
import { packageFile } from '../engine/package-root.ts';
import { addDemo } from './demo.ts';
import { addEncode } from './encode.ts';
import { addFrontEnd } from './front-end/command.ts';
import { addInvert } from './invert.ts';
import { addModels } from './models.ts';
import { addRun } from './run.ts';
import { addServe } from './serve.ts';
import { addSimilarity } from './similarity.ts';
import { INTERRUPTED } from './stop-signal.ts';

/** 0: done; 1: our mistake; 2: wrong input. */
export type ExitCode = 0 | 1 | 2 | typeof INTERRUPTED;

/** The commands and their options; it ends by throwing a CommanderError instead of exiting. */
export function makeProgram(): Command {
  const program = new Command('pez-nodes')
    .description('From a picture to its prompt.')
    .version(readVersion())
    .exitOverride()
    .showHelpAfterError('(use --help for the commands and options)');
  for (const add of [addDemo, addInvert, addRun, addServe, addEncode, addSimilarity, addModels, addFrontEnd])
    add(program);
  return program;
}

/** Runs a command line (without node and script) and returns the exit code for the process. */
export async function runProgram(args: readonly string[]): Promise<ExitCode> {
  const program = makeProgram();
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    return report(error);
  }
}

function report(error: unknown): ExitCode {
  // commander has printed its own message by now.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof InputError) {
    process.stderr.write(`error: ${error.message} [${error.code}]\n`);
    return 2;
  }
  if ((error as Error)?.name === 'AbortError') {
    process.stderr.write('Stopped before there was a result.\n');
    return INTERRUPTED;
  }
  process.stderr.write(`unexpected error: ${(error as Error)?.stack ?? String(error)}\n`);
  return 1;
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8'));
  return version as string;
}

#!/usr/bin/env node
// The entry of the `pez-nodes` command.
import { runProgram } from './program.ts';

// A reader that has seen enough (`| head`) closes the pipe; that is not an error.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });

process.exitCode = await runProgram(process.argv.slice(2));

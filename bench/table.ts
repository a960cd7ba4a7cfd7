// Rows of numbers → a Markdown table; and the machine and commit that they were measured on.
import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';

export type Row = Readonly<Record<string, string | number>>;

/** A Markdown table with a column for each key of the first row. */
export function formatTable(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0]);
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map((row) => line(columns.map((c) => row[c])))].join(
    '\n',
  );
}

/** "2 × AMD EPYC, 24 GiB, Node v20…, linux x64, commit 1234abc". */
export function describeMachine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpu.model.trim()}, ${memory} GiB, Node ${process.version}, ${process.platform} ${process.arch}, commit ${commit()}`;
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

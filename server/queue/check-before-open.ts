// Before the database of jobs is opened: if the last server ended without closing it, it is checked, and a damaged one is
// replaced by what can be read of it. Whatever is set aside keeps its content under another name, and both names are told.
import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { scriptCommand } from '../../engine/script-command.ts';
import { checkMark } from './check-mark.ts';
import type { LostJob, SalvageReport } from './salvage.ts';
import { StoreError } from './store.ts';

/** Ids that a message names. */
const MAX_NAMED = 20;

/** Returns sentences for the log. Throws StoreError if nothing of the file can be read. */
export function checkBeforeOpen(file: string): string[] {
  const orphan = setOrphanAside(file);
  if (orphan) return [orphan];
  if (!existsSync(`${file}-wal`) && !existsSync(checkMark(file))) return [];
  const target = `${file}.recovered`;
  removeDatabase(target);
  const report = runSalvage(file, target);
  if (report.state === 'unreadable') {
    throw new StoreError(
      `${file} is damaged or not a database: move it away, and a new one is made (${report.reason}).`,
    );
  }
  if (report.state === 'recovered') return [replace(file, target, report)];
  rmSync(checkMark(file), { force: true });
  return [];
}

const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : 0);

/** A write-ahead log that has lost its main file: SQLite would begin anew and delete it without a word. */
function setOrphanAside(file: string): string | undefined {
  const log = `${file}-wal`;
  if (sizeOf(file) > 0 || sizeOf(log) === 0) return undefined;
  const aside = freeName(log);
  renameSync(log, aside);
  const state = existsSync(file) ? 'is empty' : 'is missing';
  return `${file} ${state}, although its write-ahead log ${basename(log)} is there: the prompts that waited and the history are lost, and both begin anew. The log is kept as ${aside}.`;
}

function runSalvage(file: string, target: string): SalvageReport {
  const { path, execArgv } = scriptCommand(new URL('./salvage-main.ts', import.meta.url));
  const { stdout, stderr, status, signal, error } = spawnSync(process.execPath, [...execArgv, path, file, target], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status === 0) return JSON.parse(stdout) as SalvageReport;
  const why = error?.message ?? stderr.split('\n').find((line) => /error|panic/i.test(line)) ?? 'it said nothing';
  return { state: 'unreadable', reason: `reading it ended with ${signal ?? status}: ${why}` };
}

/** The damaged database gets another name, its copy gets the old one. */
function replace(file: string, target: string, report: Extract<SalvageReport, { state: 'recovered' }>): string {
  const aside = freeName(file);
  for (const end of ['', '-wal']) if (existsSync(file + end)) renameSync(file + end, aside + end);
  renameSync(target, file);
  rmSync(checkMark(file), { force: true });
  return `${file} was damaged (${report.problem}). ${report.kept} prompts could be read and are in a new ${basename(file)}; ${missing(report)} The damaged one is kept as ${aside}.`;
}

function missing({ lost, maybeMore }: Extract<SalvageReport, { state: 'recovered' }>): string {
  const groups = [
    ['that waited', lost.filter(({ waited }) => waited)],
    ['of the history', lost.filter(({ waited }) => !waited)],
  ] as const;
  const named = groups
    .filter(([, jobs]) => jobs.length > 0)
    .map(([what, jobs]) => `${jobs.length} ${what} (${names(jobs)})`);
  if (named.length > 0) return `missing are ${named.join(' and ')}${maybeMore ? ', perhaps more' : ''}.`;
  return maybeMore ? 'whether others are missing is not known.' : 'none is missing.';
}

function names(jobs: readonly LostJob[]): string {
  const shown = jobs.slice(0, MAX_NAMED).map(({ promptId }) => promptId ?? 'of unknown id');
  return [...shown, ...(jobs.length > MAX_NAMED ? ['…'] : [])].join(', ');
}

/** `<path>.damaged-1`, or the next number that is free. */
function freeName(path: string): string {
  for (let n = 1; ; n++) if (!existsSync(`${path}.damaged-${n}`)) return `${path}.damaged-${n}`;
}

function removeDatabase(file: string): void {
  for (const end of ['', '-wal', '-journal']) rmSync(file + end, { force: true });
}

// `pez-nodes models check <model>`: → a table of its parts: does each run, where its nodes run, and whether a device agrees with the CPU.
import type { Command } from 'commander';
import { InputError } from '../engine/errors.ts';
import type { ModelReport, NodeCounts, PartReport } from '../engine/model-check/check-model.ts';
import { makeDeviceOption, makeDtypeOption } from './options.ts';
import { showDownloads } from './progress.ts';
import { watchInterrupt } from './stop-signal.ts';

interface CheckOptions {
  readonly device: string;
  readonly dtype?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Adds the command to `models`. */
export function addModelsCheck(models: Command): void {
  models
    .command('check')
    .description('run each part of a model on a sample, and compare a device with the CPU')
    .argument('<model>', 'a CLIP or checkpoint: bundled name, folder or hub id')
    .addOption(makeDeviceOption())
    .addOption(makeDtypeOption())
    .option('--json', 'print one JSON object')
    .option('--quiet', 'do not show progress')
    .action(runCheck);
}

async function runCheck(model: string, { device, dtype, json, quiet }: CheckOptions): Promise<void> {
  const interrupt = watchInterrupt('Stopping');
  const view = showDownloads();
  try {
    const { checkModel } = await import('../engine/model-check/check-model.ts');
    const report = await checkModel(model, {
      device,
      dtype,
      signal: interrupt.signal,
      ...view.listeners,
      onPart: (part) => {
        view.stop();
        if (!quiet) process.stderr.write(`checking the ${part}\n`);
      },
    });
    process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${describe(report).join('\n')}\n`);
    const failed = report.parts.find(fails);
    if (failed) throw failure(report, failed);
  } finally {
    view.stop();
    interrupt.release();
  }
}

const fails = ({ error, agreement }: PartReport): boolean => error !== undefined || agreement?.agrees === false;

const failure = ({ model, device }: ModelReport, { part, error, agreement }: PartReport): InputError =>
  error
    ? new InputError(error.code, `The ${part} of ${model} does not run: ${error.message}`)
    : new InputError(
        'DEVICE_FAILED',
        `The ${part} of ${model} computes other numbers on ${device} than on the CPU: they differ by up to ${brief(agreement!.difference)}. Use the device cpu.`,
      );

const KINDS = { clip: 'a CLIP', checkpoint: 'a checkpoint' };

function describe(report: ModelReport): string[] {
  const { model, kind, dir, device, parts } = report;
  const onCpu = device === 'cpu';
  const header = onCpu
    ? ['part', 'nodes', 'ms']
    : ['part', `on ${device}`, 'on cpu', 'copies', `ms ${device}`, 'ms cpu', 'difference', 'of', 'agrees'];
  const rows = parts.filter(({ nodes }) => nodes).map((part) => (onCpu ? cpuRow(part) : deviceRow(part)));
  return [
    `${model}: ${KINDS[kind]} in ${dir}`,
    '',
    ...alignColumns([header, ...rows]),
    '',
    ...parts.flatMap((part) => remarks(part, device)),
  ];
}

const cpuRow = ({ part, nodes, cpuMs }: PartReport): string[] => [part, String(total(nodes!.onCpu)), ms(cpuMs)];

const deviceRow = ({ part, nodes, deviceMs, cpuMs, agreement }: PartReport): string[] => [
  part,
  ...[total(nodes!.onDevice), total(nodes!.onCpu), nodes!.copies].map(String),
  ms(deviceMs),
  ms(cpuMs),
  brief(agreement!.difference),
  brief(agreement!.largest),
  agreement!.agrees ? 'yes' : 'NO',
];

/** What does not fit a row: ops by place, and why a part has no row. */
function remarks({ part, nodes, error, skipped }: PartReport, device: string): string[] {
  if (error !== undefined) return [`${part} fails: ${error.message}`];
  if (skipped !== undefined) return [`${part} passed over: ${skipped}`];
  const places: [string, NodeCounts['onCpu']][] = [
    [device, nodes!.onDevice],
    ['cpu', nodes!.onCpu],
  ];
  return places
    .filter(([, ops]) => total(ops) > 0)
    .map(([place, ops]) => {
      const sorted = Object.entries(ops).sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
      return `${part} on ${place}: ${sorted.map(([op, count]) => `${op} ${count}`).join(', ')}`;
    });
}

const total = (ops: Readonly<Record<string, number>>): number => Object.values(ops).reduce((sum, n) => sum + n, 0);
const ms = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(1));
const brief = (value: number): string => (value === 0 ? '0' : value.toExponential(1));

/** The first column to the left, the others to the right. */
function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
  );
}

// The log: pino lines to stderr (readable on a terminal, JSON elsewhere), and the last ones kept for /internal/logs.
import pino, { type LevelWithSilent, type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { LogEntry } from '../schemas/events.ts';

export interface ServerLog {
  readonly logger: Logger;
  /** The last lines, oldest first: `t` ISO time, `m` text with its line end. */
  entries(): readonly LogEntry[];
  /** Calls back with every new line; gives the function that ends it. */
  subscribe(listener: (entry: LogEntry) => void): () => void;
}

const KEPT_LINES = 300;
const MAX_LINE_CHARS = 4000;
/** Fields that pino adds by itself. */
const OWN_FIELDS = ['level', 'time', 'pid', 'hostname', 'msg', 'err'];

interface PinoLine {
  readonly level: number;
  readonly time: number;
  readonly msg?: string;
  readonly err?: { readonly message?: string };
}

/** A line of pino as people read it: level above info, message, fields. */
function textOf(line: PinoLine): string {
  const fields = Object.entries(line)
    .filter(([key]) => !OWN_FIELDS.includes(key))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const level = line.level > pino.levels.values.info ? `${pino.levels.labels[line.level] ?? line.level}: ` : '';
  const error = line.err?.message && line.err.message !== line.msg ? [`(${line.err.message})`] : [];
  return `${level}${[line.msg ?? '', ...error, ...fields].join(' ').slice(0, MAX_LINE_CHARS)}\n`;
}

/** `destination`: where lines go; by default stderr, coloured if that is a terminal. */
export function createLog({
  level = 'info',
  destination,
}: {
  level?: LevelWithSilent;
  destination?: { write(line: string): unknown };
} = {}): ServerLog {
  const kept: LogEntry[] = [];
  const listeners = new Set<(entry: LogEntry) => void>();
  const remember = {
    write(json: string): void {
      const line = JSON.parse(json) as PinoLine;
      const entry = { t: new Date(line.time).toISOString(), m: textOf(line) };
      kept.push(entry);
      if (kept.length > KEPT_LINES) kept.shift();
      for (const listener of listeners) listener(entry);
    },
  };
  const out =
    destination ??
    (process.stderr.isTTY ? pretty({ destination: 2, ignore: 'pid,hostname', sync: true }) : pino.destination(2));
  const logger = pino(
    { level, base: undefined },
    pino.multistream([
      { level: 'trace', stream: out as pino.DestinationStream },
      { level: 'trace', stream: remember },
    ]),
  );
  return {
    logger,
    entries: () => kept,
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

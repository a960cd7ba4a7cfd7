// Options as they came → settings: every default filled in, every value checked against its range.
import type { Tokenizer } from '../clip/tokenizer.ts';
import { InputError } from '../errors.ts';
import { defaults, type InvertOptions, PATIENCE, POLISH_ROUNDS, SHORTLIST, type Target } from './options.ts';
import type { Fixed } from './search.ts';
import { parseTemplate, type Template } from './template.ts';

/** Upper limits that keep a slip of the keyboard from filling memory. */
const MAX = { steps: 1_000_000, restarts: 1024, topK: 1000, polish: 10_000, shortlist: 1_000_000 } as const;

type Resolved = 'shortlist' | 'polish' | 'earlyStop' | 'template' | 'initialPrompt' | 'fixed' | 'signal' | 'onProgress';

/** Options with every default filled in. */
export interface Settings extends Omit<Required<InvertOptions>, Resolved> {
  readonly template: Template;
  readonly initialIds: readonly number[];
  readonly fixed: Fixed;
  /** Words; Infinity: all. */
  readonly shortlist: number;
  /** Rounds; 0: none. */
  readonly polish: number;
  /** Steps without gain; Infinity: never stop. */
  readonly earlyStop: number;
}

/** Fills in the defaults and checks every value; throws OPTION_INVALID with what was expected and what came. */
export function resolveOptions(options: InvertOptions, tokenizer: Tokenizer): Settings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const o: InvertOptions & typeof base = { ...base, ...(given as unknown as InvertOptions) };
  checkTargets(o.targets);
  const template = parseTemplate(o.template, tokenizer);
  const room = tokenizer.contextLength - tokenizer.frame([...template.before, ...template.after]).length;
  integer('length', o.length, 1, room, `; the encoder reads ${tokenizer.contextLength} tokens with marks and template`);
  integer('steps', o.steps, 1, MAX.steps);
  integer('restarts', o.restarts, 1, MAX.restarts);
  integer('topK', o.topK, 1, MAX.topK);
  integer('seed', o.seed, 0, Number.MAX_SAFE_INTEGER);
  const batchSize = o.batchSize ?? o.targets.length;
  integer('batchSize', batchSize, 1, Number.MAX_SAFE_INTEGER);
  integer('anchors', o.anchors, 0, MAX.steps);
  range('learningRate', o.learningRate, (x) => x > 0, 'a number above 0');
  range('weightDecay', o.weightDecay, (x) => x >= 0 && x * o.learningRate < 1, 'from 0 to below 1 / learningRate');
  oneOf('vocabulary', o.vocabulary, ['all', 'printable', 'words']);
  oneOf('projection', o.projection, ['cosine', 'l2']);
  strings('allow', o.allow);
  strings('block', o.block);
  const initialIds = readInitialPrompt(o, tokenizer);
  return {
    ...o,
    template,
    initialIds,
    fixed: readFixed(o.fixed, initialIds),
    anchors: Math.min(o.anchors, Math.floor(o.length / 2)),
    batchSize: Math.min(batchSize, o.targets.length),
    shortlist: count('shortlist', o.shortlist, SHORTLIST, Number.POSITIVE_INFINITY, MAX.shortlist),
    polish: count('polish', o.polish, POLISH_ROUNDS, 0, MAX.polish),
    earlyStop: count('earlyStop', o.earlyStop, PATIENCE, Number.POSITIVE_INFINITY, MAX.steps),
  };
}

const base = {
  ...(defaults as { -readonly [K in keyof typeof defaults]: NonNullable<InvertOptions[K]> }),
  seed: 0,
  topK: 5,
  template: '{}',
  allow: [] as readonly string[],
  block: [] as readonly string[],
};

function checkTargets(targets: unknown): void {
  if (!Array.isArray(targets) || targets.length === 0)
    throw invalid('targets', 'at least one {image}, {text} or {embedding}', targets);
  let total = 0;
  for (const target of targets as Target[]) {
    const kinds = ['image', 'text', 'embedding'].filter((kind) => (target as Record<string, unknown>)?.[kind] != null);
    if (kinds.length !== 1) throw invalid('target', 'exactly one of image, text, embedding', kinds);
    const weight = target.weight ?? 1;
    range('weight', weight, Number.isFinite, 'a finite number');
    total += Math.abs(weight);
    if ('text' in target && (typeof target.text !== 'string' || !target.text.trim()))
      throw invalid('text', 'a text that is not empty', target.text);
    if ('embedding' in target && !isEmbedding(target.embedding))
      throw invalid('embedding', 'a Float32Array of finite numbers, not all 0', target.embedding);
  }
  if (total === 0) throw invalid('weight', 'a weight other than 0 for at least one target', 0);
}

const isEmbedding = (e: unknown) => e instanceof Float32Array && e.every(Number.isFinite) && e.some((x) => x !== 0);

function readInitialPrompt({ initialPrompt, length }: { initialPrompt?: string; length: number }, t: Tokenizer) {
  if (initialPrompt === undefined) return [];
  if (typeof initialPrompt !== 'string') throw invalid('initialPrompt', 'a text', initialPrompt);
  const ids = Array.from(t.encode(initialPrompt));
  if (ids.length > length) throw invalid('initialPrompt', `at most ${length} tokens (the length)`, ids.length);
  return ids;
}

function readFixed(positions: unknown, ids: readonly number[]): Fixed {
  if (positions === undefined) return new Map();
  const last = ids.length - 1;
  const stands = (p: unknown) => Number.isInteger(p) && (p as number) >= 0 && (p as number) <= last;
  if (!Array.isArray(positions) || !positions.every(stands))
    throw invalid('fixed', `a list of positions of the initial prompt's ${ids.length} tokens`, positions);
  return new Map(positions.map((p: number) => [p, ids[p]]));
}

/** true → `yes`; false → `no`; a number stands for itself. */
function count(name: string, value: unknown, yes: number, no: number, max: number): number {
  if (typeof value === 'boolean') return value ? yes : no;
  integer(name, value, name === 'polish' ? 0 : 1, max, ', or true or false');
  return value as number;
}

/** Throws OPTION_INVALID unless it is an integer from min to max. */
export function integer(name: string, value: unknown, min: number, max: number, more = ''): void {
  range(name, value, (x) => Number.isInteger(x) && x >= min && x <= max, `an integer from ${min} to ${max}${more}`);
}

function range(name: string, value: unknown, holds: (x: number) => boolean, expected: string): void {
  if (typeof value !== 'number' || !holds(value)) throw invalid(name, expected, value);
}

/** Throws OPTION_INVALID unless it is one of the names. */
export function oneOf(name: string, value: unknown, names: readonly string[]): void {
  if (!names.includes(value as string)) throw invalid(name, `one of ${names.join(', ')}`, value);
}

function strings(name: string, value: unknown): void {
  if (!Array.isArray(value) || value.some((v) => typeof v !== 'string' || !v.trim()))
    throw invalid(name, 'a list of texts that are not empty', value);
}

/** OPTION_INVALID: `length must be an integer from 1 to 75, but is 0.` */
export function invalid(name: string, expected: string, value: unknown): InputError {
  return new InputError('OPTION_INVALID', `${name} must be ${expected}, but is ${show(value)}.`);
}

function show(value: unknown): string {
  if (typeof value === 'number' || value === undefined) return String(value);
  const text = ArrayBuffer.isView(value)
    ? `${value.constructor.name} of length ${value.byteLength}`
    : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

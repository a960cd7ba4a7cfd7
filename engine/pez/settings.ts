// Options as they were given → settings: every default filled in, every value checked against its range.
import * as check from '../check.ts';
import type { Tokenizer } from '../clip/tokenizer.ts';
import { type Fixed, NONE_FIXED } from './fixed.ts';
import {
  defaults,
  type InvertOptions,
  PATIENCE,
  POLISH_ROUNDS,
  projections,
  SHORTLIST,
  type Target,
  type VocabularyName,
  vocabularyNames,
} from './options.ts';
import { parseTemplate, type Template } from './template.ts';

/** Upper limits that keep a slip of the keyboard from filling memory. */
const MAX = { steps: 1_000_000, restarts: 1024, topK: 1000, polish: 10_000, shortlist: 1_000_000 } as const;

/** Options that settings hold in another form, or not at all. */
type Replaced =
  | 'vocabulary'
  | 'shortlist'
  | 'polish'
  | 'earlyStop'
  | 'template'
  | 'initialPrompt'
  | 'fixed'
  | 'signal'
  | 'onProgress';

/** Options with every default filled in. */
export interface Settings extends Omit<Required<InvertOptions>, Replaced> {
  readonly template: Template;
  /** The option `vocabulary`; the tokens themselves are a `Vocabulary`. */
  readonly vocabularyName: VocabularyName;
  readonly initialIds: readonly number[];
  readonly fixed: Fixed;
  /** Words; Infinity: all. */
  readonly shortlist: number;
  /** Rounds; 0: none. */
  readonly polish: number;
  /** Steps without gain; Infinity: never stop. */
  readonly earlyStop: number;
}

/** Fills in the defaults and checks every value. Throws OPTION_INVALID. */
export function resolveOptions(options: InvertOptions, tokenizer: Tokenizer): Settings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const o: InvertOptions & typeof base = { ...base, ...(given as unknown as InvertOptions) };
  checkTargets(o.targets);
  const template = parseTemplate(o.template, tokenizer);
  const room = tokenizer.contextLength - tokenizer.frame([...template.before, ...template.after]).length;
  const note = `the encoder reads ${tokenizer.contextLength} tokens, with marks and template`;
  check.integer('length', o.length, { min: 1, max: room, note });
  check.integer('steps', o.steps, { min: 1, max: MAX.steps });
  check.integer('restarts', o.restarts, { min: 1, max: MAX.restarts });
  check.integer('topK', o.topK, { min: 1, max: MAX.topK });
  check.integer('seed', o.seed, { min: 0, max: Number.MAX_SAFE_INTEGER });
  const batchSize = o.batchSize ?? o.targets.length;
  check.integer('batchSize', batchSize, { min: 1, max: Number.MAX_SAFE_INTEGER });
  check.integer('anchors', o.anchors, { min: 0, max: MAX.steps });
  check.finite('learningRate', o.learningRate, { above: 0 });
  check.finite('weightDecay', o.weightDecay, { min: 0 });
  if (o.weightDecay * o.learningRate >= 1)
    throw check.invalid('weightDecay', `below 1 / learningRate = ${1 / o.learningRate}`, o.weightDecay);
  check.oneOf('vocabulary', o.vocabulary, vocabularyNames);
  check.oneOf('projection', o.projection, projections);
  check.textList('allow', o.allow);
  check.textList('block', o.block);
  const initialIds = readInitialPrompt(o, tokenizer);
  const { vocabulary, ...kept } = o;
  return {
    ...kept,
    template,
    vocabularyName: vocabulary,
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
    throw check.invalid('targets', 'at least one {image}, {text} or {embedding}', targets);
  let total = 0;
  for (const target of targets as Target[]) {
    const kinds = ['image', 'text', 'embedding'].filter((kind) => (target as Record<string, unknown>)?.[kind] != null);
    if (kinds.length !== 1) throw check.invalid('target', 'exactly one of image, text, embedding', kinds);
    const weight = target.weight ?? 1;
    check.finite('weight', weight);
    total += Math.abs(weight);
    if ('text' in target) check.text('text', target.text, { empty: false });
    if ('embedding' in target && !isEmbedding(target.embedding))
      throw check.invalid('embedding', 'a Float32Array of finite numbers, not all 0', target.embedding);
  }
  if (total === 0) throw check.invalid('weight', 'other than 0 for at least one target', 0);
}

const isEmbedding = (e: unknown) => e instanceof Float32Array && e.every(Number.isFinite) && e.some((x) => x !== 0);

function readInitialPrompt({ initialPrompt, length }: { initialPrompt?: string; length: number }, t: Tokenizer) {
  if (initialPrompt === undefined) return [];
  check.text('initialPrompt', initialPrompt);
  const ids = Array.from(t.encode(initialPrompt));
  if (ids.length > length)
    throw check.invalidCount('initialPrompt', `at most ${length} tokens (the length)`, ids.length);
  return ids;
}

function readFixed(positions: unknown, ids: readonly number[]): Fixed {
  if (positions === undefined) return NONE_FIXED;
  const last = ids.length - 1;
  const stands = (p: unknown) => Number.isInteger(p) && (p as number) >= 0 && (p as number) <= last;
  if (!Array.isArray(positions) || !positions.every(stands))
    throw check.invalid('fixed', `a list of positions of the initial prompt's ${ids.length} tokens`, positions);
  return new Map(positions.map((p: number) => [p, ids[p]]));
}

/** true → `yes`; false → `no`; a number stands for itself. */
function count(name: string, value: unknown, yes: number, no: number, max: number): number {
  if (typeof value === 'boolean') return value ? yes : no;
  check.integer(name, value, { min: name === 'polish' ? 0 : 1, max, note: 'or true or false' });
  return value as number;
}

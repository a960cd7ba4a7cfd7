// `pez-nodes invert <image…>`: pictures and texts → a hard prompt on stdout, and a plot if wanted.
import { type Command, Option } from 'commander';
import { InputError } from '../engine/errors.ts';
import type { InvertResult } from '../engine/pez/invert.ts';
import { defaults, type InvertOptions, official, type Target } from '../engine/pez/options.ts';
import { renderPlot } from '../engine/plot/plot.ts';
import { loadModel } from './load-model.ts';
import { addModelOptions, collect, collectWords, type ModelOptions, toNumber, toNumbers } from './options.ts';
import { showInversion } from './progress.ts';
import { watchInterrupt } from './stop-signal.ts';
import { checkWritable, writeFileWhole } from './write-file.ts';

/** Options of the engine that pass through as they are. */
type Passed = Pick<
  InvertOptions,
  | 'length'
  | 'steps'
  | 'restarts'
  | 'seed'
  | 'learningRate'
  | 'weightDecay'
  | 'template'
  | 'initialPrompt'
  | 'batchSize'
  | 'vocabulary'
  | 'shortlist'
  | 'anchors'
  | 'allow'
  | 'block'
  | 'projection'
  | 'polish'
  | 'earlyStop'
  | 'topK'
>;

interface CliOptions extends ModelOptions, Passed {
  readonly targetText?: readonly string[];
  readonly weights?: readonly number[];
  readonly negative?: readonly string[];
  readonly negativeText?: readonly string[];
  readonly negativeWeight: number;
  readonly official?: boolean;
  readonly json?: boolean;
  readonly plot?: string;
  readonly quiet?: boolean;
}

const PASSED = [
  'length',
  'steps',
  'restarts',
  'seed',
  'learningRate',
  'weightDecay',
  'template',
  'initialPrompt',
  'batchSize',
  'vocabulary',
  'shortlist',
  'anchors',
  'allow',
  'block',
  'projection',
  'polish',
  'earlyStop',
  'topK',
] as const satisfies readonly (keyof Passed)[];

/** Adds the command to the program. */
export function addInvert(program: Command): void {
  const by = (value: number | string) => ` (default: ${value})`;
  const command = program
    .command('invert')
    .description('find the prompt whose text embedding is nearest to pictures (or texts)')
    .argument('[images...]', 'image files; several give one prompt for all of them')
    .option('--target-text <text>', 'a text as target, beside or instead of images; repeatable', collect)
    .option('--weights <list>', 'weights of the images, then of the texts, such as 1,1,0.5', toNumbers)
    .option('--negative <image>', 'an image to keep away from; repeatable', collect)
    .option('--negative-text <text>', 'a text to keep away from; repeatable', collect)
    .option('--negative-weight <number>', 'how strongly to keep away', toNumber, 0.5)
    .option('--length <tokens>', `tokens of the prompt${by(defaults.length)}`, toNumber)
    .option('--steps <number>', `steps of the search${by(defaults.steps)}`, toNumber)
    .option('--restarts <number>', `starts that run side by side${by(defaults.restarts)}`, toNumber)
    .option('--seed <integer>', 'the same seed on the same machine gives the same prompt (default: 0)', toNumber)
    .option('--template <text>', 'text around the prompt, with {} where it goes')
    .option('--initial-prompt <text>', 'words to start from')
    .addOption(
      new Option('--vocabulary <name>', `tokens to choose from${by(defaults.vocabulary)}`).choices([
        'all',
        'printable',
        'words',
      ]),
    )
    .option(
      '--allow <text>',
      'only tokens that contain this, or that it consists of; repeatable; @file: its lines',
      collectWords,
    )
    .option('--block <text>', 'no prompt that contains this; repeatable; @file: its lines', collectWords)
    .option('--shortlist <words>', 'combine only so many words: those that alone are nearest', toNumber)
    .option('--no-shortlist', 'combine any words of the vocabulary')
    .option('--anchors <words>', `nearest words that open the prompt and stay${by(defaults.anchors)}`, toNumber)
    .option('--polish <rounds>', 'rounds of swapping single tokens at the end', toNumber)
    .option('--no-polish', 'no such rounds')
    .option('--early-stop <steps>', 'end a phase after so many steps without gain', toNumber)
    .option('--no-early-stop', 'run all steps')
    .option('--top-k <number>', 'how many of the best prompts to print', toNumber)
    .option('--learning-rate <number>', `of AdamW${by(defaults.learningRate)}`, toNumber)
    .option('--weight-decay <number>', `of AdamW${by(defaults.weightDecay)}`, toNumber)
    .option('--batch-size <number>', 'targets drawn per step (default: all)', toNumber)
    .addOption(
      new Option('--projection <name>', `what nearest means${by(defaults.projection)}`).choices(['cosine', 'l2']),
    )
    .option('--official', 'start from the settings of the official PEZ code')
    .option('--json', 'print one JSON object')
    .option('--plot <file.png>', 'draw the similarity over the steps')
    .option('--quiet', 'no progress');
  addModelOptions(command).action(runInvert);
}

async function runInvert(images: string[], options: CliOptions): Promise<void> {
  const targets = makeTargets(images, options);
  if (options.plot !== undefined) checkPlot(options.plot);
  const interrupt = watchInterrupt();
  const view = showInversion();
  try {
    const clip = await loadModel(options, interrupt.signal);
    const { invert } = await import('../engine/pez/invert.ts');
    const result = await invert(clip, {
      ...(options.official && official),
      ...passedOptions(options),
      targets,
      signal: interrupt.signal,
      onProgress: options.quiet ? undefined : view.update,
    });
    view.stop();
    if (options.plot !== undefined) writeFileWhole(options.plot, await plotResult(result, images, options));
    printResult(result, options);
  } finally {
    view.stop();
    interrupt.release();
  }
}

/** Those that were given: commander's `--no-x` sets `x` to true by default, which is the engine's default too. */
const passedOptions = (options: CliOptions): Passed =>
  Object.fromEntries(
    PASSED.filter((name) => options[name] !== undefined && options[name] !== true).map((name) => [name, options[name]]),
  );

function makeTargets(images: readonly string[], options: CliOptions): Target[] {
  const { targetText = [], weights, negative = [], negativeText = [], negativeWeight } = options;
  const wanted: Target[] = [...images.map((image) => ({ image })), ...targetText.map((text) => ({ text }))];
  if (wanted.length === 0)
    throw new InputError('OPTION_INVALID', 'There is nothing to invert: give image files, or --target-text.');
  if (weights && weights.length !== wanted.length)
    throw new InputError(
      'OPTION_INVALID',
      `--weights has ${weights.length} numbers for ${wanted.length} targets (images, then texts).`,
    );
  if (!(negativeWeight > 0))
    throw new InputError('OPTION_INVALID', `--negative-weight must be above 0, but is ${negativeWeight}.`);
  const weight = -negativeWeight;
  return [
    ...wanted.map((target, i): Target => (weights ? { ...target, weight: weights[i] } : target)),
    ...negative.map((image) => ({ image, weight })),
    ...negativeText.map((text) => ({ text, weight })),
  ];
}

function checkPlot(path: string): void {
  if (!/\.png$/i.test(path)) throw new InputError('OPTION_INVALID', `--plot writes a .png file, but is "${path}".`);
  checkWritable(path);
}

const summarise = ({ similarity, steps, seconds, stepsPerSecond, seed }: InvertResult, model: string): string =>
  `similarity ${similarity.toFixed(4)}, ${steps} steps in ${seconds.toFixed(1)} s (${stepsPerSecond.toFixed(0)} a second), seed ${seed}, ${model}`;

const plotResult = (result: InvertResult, images: readonly string[], options: CliOptions): Promise<Buffer> =>
  renderPlot({
    prompt: result.prompt,
    caption: summarise(result, options.clip),
    ...result.history,
    pictures: images,
  });

function printResult(result: InvertResult, options: CliOptions): void {
  const { prompt, tokens, similarity, seed, steps, stepsPerSecond, seconds, candidates, aborted } = result;
  if (options.json) {
    const model = options.clip;
    const all = { prompt, tokens, similarity, model, seed, steps, stepsPerSecond, seconds, candidates, aborted };
    process.stdout.write(`${JSON.stringify(all)}\n`);
    return;
  }
  const lines = (options.topK ?? 1) > 1 ? candidates.map((c) => `${c.similarity.toFixed(4)}\t${c.prompt}`) : [prompt];
  process.stdout.write(`${lines.join('\n')}\n`);
  process.stderr.write(`${summarise(result, options.clip)}\n`);
  if (options.plot !== undefined) process.stderr.write(`plot: ${options.plot}\n`);
}

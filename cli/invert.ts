// `pez-nodes invert <image…>`: pictures and texts → a hard prompt on stdout, and a plot on request.
import { type Command, Option } from 'commander';
import { invalid, invalidCount } from '../engine/check.ts';
import { InputError } from '../engine/errors.ts';
import type { InvertResult } from '../engine/pez/invert.ts';
import {
  defaults,
  type InvertOptions,
  official,
  PATIENCE,
  POLISH_ROUNDS,
  projections,
  SHORTLIST,
  type Target,
  vocabularyNames,
} from '../engine/pez/options.ts';
import { renderPlot } from '../engine/plot/plot.ts';
import { loadModel } from './load-model.ts';
import { addFolderOptions, type FolderOptions } from './model-folders.ts';
import { addModelOptions, collect, collectWords, type ModelOptions, numberOption, numbersOption } from './options.ts';
import { showInversion } from './progress.ts';
import { watchInterrupt } from './stop-signal.ts';
import { checkWritable, writeFileWhole } from './write-file.ts';

/** Options of the engine that are passed on as they are. */
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
] as const satisfies readonly (keyof InvertOptions)[];

type Passed = Pick<InvertOptions, (typeof PASSED)[number]>;

interface CliOptions extends ModelOptions, FolderOptions, Passed {
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

/** Adds the command to the program. */
export function addInvert(program: Command): void {
  const command = program
    .command('invert')
    .description('find the prompt whose text embedding is nearest to pictures (or texts)')
    .argument('[images...]', 'image files; several give one prompt for all of them')
    .option('--target-text <text>', 'a text as a target, beside or instead of images; repeatable', collect)
    .addOption(numbersOption('--weights <list>', 'weights of the images, then of the texts, such as 1,1,0.5'))
    .option('--negative <image>', 'an image to keep away from; repeatable', collect)
    .option('--negative-text <text>', 'a text to keep away from; repeatable', collect)
    .addOption(numberOption('--negative-weight <number>', 'how strongly to keep away', { above: 0 }).default(0.5));
  addSearchOptions(command)
    .option('--official', 'start from the settings of the official PEZ code')
    .option('--json', 'print one JSON object')
    .option('--plot <file.png>', 'plot the similarity over the steps')
    .option('--quiet', 'do not show progress');
  addFolderOptions(addModelOptions(command)).action(runInvert);
}

const by = (value: number | string): string => ` (default: ${value})`;

/** The options of the search itself. The engine knows the defaults: what is not given is not passed on. */
function addSearchOptions(command: Command): Command {
  return command
    .addOption(numberOption('--length <tokens>', `tokens of the prompt${by(defaults.length)}`))
    .addOption(numberOption('--steps <number>', `steps of the search${by(defaults.steps)}`))
    .addOption(numberOption('--restarts <number>', `starts that run side by side${by(defaults.restarts)}`))
    .addOption(numberOption('--seed <integer>', `the same seed on the same machine gives the same prompt${by(0)}`))
    .option('--template <text>', 'text around the prompt, with {} in its place')
    .option('--initial-prompt <text>', 'words to start from')
    .addOption(vocabularyOption())
    .option(
      '--allow <text>',
      'use only tokens that contain this or are part of it; repeatable; @file: its lines',
      collectWords,
    )
    .option('--block <text>', 'no prompt may contain this; repeatable; @file: its lines', collectWords)
    .addOption(
      numberOption('--shortlist <words>', `combine only this many words: the nearest to the targets${by(SHORTLIST)}`),
    )
    .option('--no-shortlist', 'combine any words of the vocabulary')
    .addOption(
      numberOption('--anchors <words>', `open every prompt with this many of the nearest words${by(defaults.anchors)}`),
    )
    .addOption(numberOption('--polish <rounds>', `rounds of swapping single tokens at the end${by(POLISH_ROUNDS)}`))
    .option('--no-polish', 'do not swap tokens at the end')
    .addOption(numberOption('--early-stop <steps>', `end a phase after this many steps without gain${by(PATIENCE)}`))
    .option('--no-early-stop', 'run all steps')
    .addOption(numberOption('--top-k <number>', 'number of prompts to print, best first (default: 1)'))
    .addOption(numberOption('--learning-rate <number>', `learning rate of AdamW${by(defaults.learningRate)}`))
    .addOption(numberOption('--weight-decay <number>', `weight decay of AdamW${by(defaults.weightDecay)}`))
    .addOption(numberOption('--batch-size <number>', 'targets drawn per step (default: all)'))
    .addOption(projectionOption());
}

const vocabularyOption = (): Option =>
  new Option('--vocabulary <name>', `tokens to choose from${by(defaults.vocabulary)}`).choices(vocabularyNames);

const projectionOption = (): Option =>
  new Option('--projection <name>', `what "nearest token" means${by(defaults.projection)}`).choices(projections);

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

/** Those that were given. commander's `--no-x` sets `x` to true by default, which is the engine's default too. */
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
    throw invalidCount(
      '--weights',
      `a number for each target, ${wanted.length} in all (images, then texts)`,
      weights.length,
    );
  const weight = -negativeWeight;
  return [
    ...wanted.map((target, i): Target => (weights ? { ...target, weight: weights[i] } : target)),
    ...negative.map((image) => ({ image, weight })),
    ...negativeText.map((text) => ({ text, weight })),
  ];
}

function checkPlot(path: string): void {
  if (!/\.png$/i.test(path)) throw invalid('--plot', 'the name of a .png file', path);
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

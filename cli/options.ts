// What the commands share: options for numbers and lists, and those that name a model.
import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import * as check from '../engine/check.ts';
import { InputError } from '../engine/errors.ts';
import { dtypes } from '../engine/hub/variant.ts';
import { devices } from '../engine/onnx/device.ts';

/** The model that comes with the package. */
export const DEFAULT_CLIP = 'pico-clip';

/** An option that takes a number, such as `--steps <number>`. Its range is the engine's business, unless `bounds` are given. */
export const numberOption = (flags: string, description: string, bounds?: check.FiniteBounds): Option => {
  const option = new Option(flags, description);
  return option.argParser((text) => toNumber(flagOf(option), text, bounds));
};

/** An option that takes several numbers: `1,0.5,-1`. */
export const numbersOption = (flags: string, description: string): Option => {
  const option = new Option(flags, description);
  return option.argParser((text) => text.split(',').map((part) => toNumber(flagOf(option), part)));
};

/** An option that takes a whole number within bounds; a bigint comes out if the largest one is a bigint. */
export const integerOption = (flags: string, description: string, bounds: check.Bounds): Option => {
  const option = new Option(flags, description);
  return option.argParser((text) => {
    const value = readInteger(text, bounds);
    check.integer(flagOf(option), value, bounds);
    return value;
  });
};

const flagOf = (option: Option): string => option.long ?? option.flags;

function toNumber(flag: string, text: string, bounds?: check.FiniteBounds): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw check.invalid(flag, 'a number', text);
  check.finite(flag, value, bounds);
  return value;
}

/** What is not a number stays as it was typed, for the message. */
function readInteger(text: string, { max }: check.Bounds): number | bigint | string {
  if (!/^[+-]?\d+$/.test(text)) return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
  return typeof max === 'bigint' ? BigInt(text.replace(/^\+/, '')) : Number(text);
}

/** Collects the values of an option that may be given several times. */
export const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** As `collect`; `@file` stands for the lines of a file. */
export function collectWords(value: string, before: readonly string[] = []): string[] {
  if (!value.startsWith('@') || value === '@') return [...before, value];
  try {
    const lines = readFileSync(value.slice(1), 'utf8').split(/\r?\n/);
    return [...before, ...lines.map((line) => line.trim()).filter(Boolean)];
  } catch (error) {
    throw new InputError('OPTION_INVALID', `Cannot read the list ${value.slice(1)}: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

export interface ModelOptions {
  readonly clip: string;
  /** Where the picture tower comes from, if not from the same model. */
  readonly clipVision?: string;
  readonly dtype?: string;
  readonly device: string;
}

/** Adds `--clip`, `--clip-vision`, `--dtype` and `--device`. */
export const addModelOptions = (command: Command): Command =>
  command
    .option(
      '--clip <model>',
      'a bundled model, a folder, a name in a model folder, or a hub id such as Xenova/clip-vit-base-patch32',
      DEFAULT_CLIP,
    )
    .option(
      '--clip-vision <model>',
      'the picture tower, where --clip is a text tower alone: a file, a folder, or a hub id',
    )
    .addOption(makeDtypeOption())
    .addOption(makeDeviceOption());

export const makeDtypeOption = (): Option =>
  new Option('--dtype <type>', 'precision of the weights (default: the most precise that the model has)').choices(
    dtypes,
  );

export const makeDeviceOption = (): Option =>
  new Option('--device <name>', 'device that models run on; see docs/diffusion.md').choices(devices).default('cpu');

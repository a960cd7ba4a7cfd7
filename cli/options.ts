// What the commands share: parsing of option values, and the options that name and load a model.
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { InputError } from '../engine/errors.ts';
import { dtypes } from '../engine/hub/variant.ts';
import { devices } from '../engine/onnx/device.ts';

/** The model that comes with the package. */
export const DEFAULT_CLIP = 'pico-clip';

/** Parses a number; ranges are the engine's business. */
export function toNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
}

/** Parses `1,0.5,-1`. */
export const toNumbers = (text: string): number[] => text.split(',').map(toNumber);

/** Gathers an option that may be given several times. */
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
  readonly dtype?: string;
}

/** Adds `--clip` and `--dtype`. */
export const addModelOptions = (command: Command): Command =>
  command
    .option(
      '--clip <model>',
      'a bundled model, a folder, or a hub id such as Xenova/clip-vit-base-patch32',
      DEFAULT_CLIP,
    )
    .addOption(makeDtypeOption());

export const makeDtypeOption = (): Option =>
  new Option('--dtype <type>', 'precision of the weights; by default the most precise there is').choices(dtypes);

export const makeDeviceOption = (): Option =>
  new Option('--device <name>', 'where checkpoints draw; see docs/diffusion.md').choices(devices).default('cpu');

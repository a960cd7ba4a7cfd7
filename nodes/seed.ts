// The seed widget as ComfyUI has it, and what the engine makes of its value.
import { int } from './define-node.ts';

/** ComfyUI's seeds go to 2⁶⁴ − 1. */
export const seedInput = (
  tooltip = 'Where the search starts. The same seed gives the same prompt on the same machine; another seed may find a better one.',
) =>
  int({
    default: 0,
    min: 0,
    max: 2n ** 64n - 1n,
    control_after_generate: true,
    tooltip,
  });

/**
 * The engine’s seeds go to 2⁵³ − 1: larger ones are folded. The executor hands seeds that a number cannot hold as bigint.
 * A number that is not an integer is passed on: the engine says what is wrong with it.
 */
export const toSeed = (seed: number | bigint = 0): number =>
  typeof seed === 'number' && !Number.isInteger(seed) ? seed : Number(BigInt(seed) % 2n ** 53n);

// ComfyUI's CONDITIONING: what the U-Net is told, as one or more parts, and the three ways to join two of them.
import * as check from '../check.ts';
import { InputError } from '../errors.ts';
import { concat } from '../vector.ts';

export interface ConditioningPart {
  /** Hidden states of the text encoder(s), row-major [length, width]. */
  readonly states: Float32Array;
  readonly length: number;
  readonly width: number;
  /** SDXL: the pooled embedding of its second encoder. */
  readonly pooled?: Float32Array;
}

/** At least one part; the predictions of several are averaged. */
export type Conditioning = readonly ConditioningPart[];

/** ConditioningCombine: at each step the U-Net runs on both, and their predictions are averaged. */
export const combineConditioning = (a: Conditioning, b: Conditioning): Conditioning => [...a, ...b];

/** ConditioningConcat: the tokens of `from` (of its first part) behind the tokens of each part of `to`. */
export function concatConditioning(to: Conditioning, from: Conditioning): Conditioning {
  const tail = firstOf(from);
  return to.map((part) => {
    checkWidths(part, tail);
    return { ...part, states: concat([part.states, tail.states]), length: part.length + tail.length };
  });
}

/**
 * ConditioningAverage: strength · `to` + (1 − strength) · `from` (its first part), token by token; `from` is cut or
 * padded with zeros to the length of `to`. Pooled embeddings are averaged likewise.
 */
export function averageConditioning(to: Conditioning, from: Conditioning, strength: number): Conditioning {
  const other = firstOf(from);
  return to.map((part) => {
    checkWidths(part, other);
    const pooled = part.pooled ?? other.pooled;
    return {
      ...part,
      states: blend(part.states, other.states, strength),
      pooled: pooled && blend(pooled, part.pooled && other.pooled ? other.pooled : pooled, strength),
    };
  });
}

function blend(to: Float32Array, from: Float32Array, strength: number): Float32Array {
  return to.map((value, i) => strength * value + (1 - strength) * (from[i] ?? 0));
}

function firstOf(conditioning: Conditioning): ConditioningPart {
  if (conditioning.length === 0)
    throw check.invalidCount('The conditioning', 'at least one part (encode a text, which may be empty)', 0);
  return conditioning[0];
}

function checkWidths(a: ConditioningPart, b: ConditioningPart): void {
  if (a.width !== b.width)
    throw new InputError(
      'OPTION_INVALID',
      `The conditionings come from different models: their states are ${a.width} and ${b.width} wide.`,
    );
}

// ComfyUI's CONDITIONING: what the U-Net is told, as one or more parts, and the three ways to put two of them together.
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

/** ConditioningCombine: both are asked at each step, and their predictions averaged. */
export const combineConditioning = (a: Conditioning, b: Conditioning): Conditioning => [...a, ...b];

/** ConditioningConcat: `from`'s tokens (its first part's) behind the tokens of each part of `to`. */
export function concatConditioning(to: Conditioning, from: Conditioning): Conditioning {
  const tail = firstOf(from);
  return to.map((part) => {
    checkWidths(part, tail);
    return { ...part, states: concat([part.states, tail.states]), length: part.length + tail.length };
  });
}

/**
 * ConditioningAverage: strength · `to` + (1 − strength) · `from` (its first part), token by token; `from` is cut to `to`'s length, or
 * filled up with zeros. Pooled embeddings are averaged alike.
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
    throw new InputError('OPTION_INVALID', 'The conditioning is empty; encode a text first.');
  return conditioning[0];
}

function checkWidths(a: ConditioningPart, b: ConditioningPart): void {
  if (a.width !== b.width)
    throw new InputError(
      'OPTION_INVALID',
      `The conditionings come from different models: their states are ${a.width} and ${b.width} wide.`,
    );
}

// A prompt → how much each of its tokens contributes: the similarity that is lost without it.
import type { Clip } from '../clip/clip.ts';
import { dot } from '../vector.ts';
import { type Embeddable, embedAll } from './embed.ts';
import { createScorer } from './scorer.ts';

export interface Contribution {
  /** The token as it reads. */
  readonly token: string;
  readonly id: number;
  /** cos(prompt, target) − cos(prompt without the token, target); below 0 if the token is in the way. */
  readonly contribution: number;
}

/**
 * The contribution of every token of `prompt` to its similarity with `target` (by default the prompt itself), in order:
 * all prompts with one token left out are scored exactly, in one batch.
 * Throws OPTION_INVALID for a prompt that the context does not hold.
 */
export async function measureContributions(
  clip: Clip,
  prompt: string,
  target?: Embeddable,
  signal?: AbortSignal,
): Promise<Contribution[]> {
  const { tokenizer } = clip;
  const ids = tokenizer.encode(prompt);
  const losses = await lossesWithout(clip, ids, {
    groups: ids.map((_, i) => [i]),
    signal,
    target: target && (await embedAll(clip, [target], signal))[0],
  });
  return ids.map((id, i) => ({ token: tokenizer.decode([id]), id, contribution: losses[i] }));
}

interface LeaveOutOptions {
  /** Positions that are left out together. */
  readonly groups: readonly (readonly number[])[];
  /** Unit embedding [P]; by default the whole prompt's. */
  readonly target?: Float32Array | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** For each group, the similarity to the target that is lost when its positions are left out. */
export async function lossesWithout(
  clip: Clip,
  ids: readonly number[],
  { groups, target, signal }: LeaveOutOptions,
): Promise<number[]> {
  const scorer = await createScorer(clip);
  const rest = groups.map((group) => ids.filter((_, i) => !group.includes(i)));
  signal?.throwIfAborted();
  const rows = [ids, ...rest];
  const [whole, ...parts] = await scorer.embed(rows.map((row) => ({ prompt: clip.tokenizer.decode(row), ids: row })));
  const to = target ?? whole;
  return parts.map((part) => dot(whole, to) - dot(part, to));
}

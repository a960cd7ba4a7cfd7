// Candidate prompts → the one whose pictures come closest to a source: each is drawn from the same seeds and judged by a CLIP.
// The similarity of a prompt and a picture says little about what a model draws from the prompt; this looks at the drawings.
import { invalidCount } from '../check.ts';
import type { Clip } from '../clip/clip.ts';
import type { ImageInput } from '../clip/image-encoder.ts';
import type { DiffusionModel, PromptModel } from '../diffusion/checkpoint.ts';
import type { Latent } from '../diffusion/latent.ts';
import { type SampleOptions, type SampleProgress, sample } from '../diffusion/sample.ts';
import type { Vae } from '../diffusion/vae.ts';
import { allBytesOf, type ImageBatch, joinBatches } from '../image/batch.ts';
import { embedAll } from '../pez/embed.ts';
import { cosine, mean } from '../vector.ts';

export interface RerankOptions
  extends Pick<SampleOptions, 'steps' | 'cfg' | 'sampler' | 'scheduler' | 'denoise' | 'signal'> {
  /** Best guess first; duplicates count once. */
  readonly prompts: readonly string[];
  /** What the pictures should look like; with several sources, the mean similarity counts. */
  readonly sources: readonly ImageInput[];
  /** Compares pictures with pictures: it needs a picture tower. */
  readonly judge: Clip;
  readonly model: DiffusionModel;
  readonly clip: PromptModel;
  readonly vae: Vae;
  readonly negative: string;
  /** What to draw on; every item of its batch gives one more picture for each prompt and seed. */
  readonly latent: Latent;
  /** Every prompt is drawn from each of these. */
  readonly seeds: readonly (number | bigint)[];
  /** After each step; what it throws ends the run. */
  readonly onStep?: (progress: RerankProgress) => void;
  /** After each prompt. */
  readonly onCandidate?: (candidate: RerankCandidate) => void;
}

export interface RerankProgress extends SampleProgress {
  /** Index of the prompt that is being drawn. */
  readonly candidate: number;
  /** Steps done and to do, over all prompts and seeds. */
  readonly done: number;
  readonly total: number;
}

export interface RerankCandidate {
  readonly prompt: string;
  /** Mean cosine of its pictures with the sources, from −1 to 1. */
  readonly similarity: number;
  /** The same for each picture. */
  readonly similarities: readonly number[];
  /** [seeds · batch, H, W, 3] */
  readonly pictures: ImageBatch;
}

export interface RerankResult {
  /** The candidate with the highest similarity; the first of equal ones. */
  readonly best: RerankCandidate;
  /** All of them, in the order of the prompts. */
  readonly candidates: readonly RerankCandidate[];
}

/**
 * Draws every prompt from every seed and judges the pictures. All prompts get the same noise, so that they differ in their words alone; the
 * same options give the same result. Takes prompts · seeds runs of the sampler.
 * Throws OPTION_INVALID, whatever `sample` throws, and the signal's reason within one step.
 */
export async function rerankPrompts(options: RerankOptions): Promise<RerankResult> {
  const { sources, judge, clip, seeds, signal, onCandidate } = options;
  const prompts = [...new Set(options.prompts.map((prompt) => prompt.trim()))].filter((prompt) => prompt !== '');
  requireSome('prompts', prompts);
  requireSome('sources', sources);
  requireSome('seeds', seeds);
  const targets = await embedAll(
    judge,
    sources.map((image) => ({ image })),
    signal,
  );
  const negative = await clip.encode(options.negative);
  const candidates: RerankCandidate[] = [];
  for (const [candidate, prompt] of prompts.entries()) {
    const pictures = await draw(options, { prompt, negative, candidate, count: prompts.length });
    const drawn = await embedAll(
      judge,
      allBytesOf(pictures).map((image) => ({ image })),
      signal,
    );
    const similarities = drawn.map((picture) => mean(targets.map((target) => cosine(picture, target))));
    candidates.push({ prompt, similarity: mean(similarities), similarities, pictures });
    onCandidate?.(candidates[candidate]);
  }
  return { best: candidates.reduce((a, b) => (b.similarity > a.similarity ? b : a)), candidates };
}

interface Task {
  readonly prompt: string;
  readonly negative: SampleOptions['negative'];
  readonly candidate: number;
  readonly count: number;
}

/** The pictures of one prompt, seed by seed. */
async function draw(options: RerankOptions, { prompt, negative, candidate, count }: Task): Promise<ImageBatch> {
  const { clip, vae, seeds, signal, onStep } = options;
  const positive = await clip.encode(prompt);
  const all: ImageBatch[] = [];
  for (const [i, seed] of seeds.entries()) {
    const drawn = await sample({
      ...options,
      positive,
      negative,
      seed,
      onStep: (at) => {
        const run = candidate * seeds.length + i;
        const [done, total] = [run * at.steps + at.step, count * seeds.length * at.steps];
        onStep?.({ ...at, candidate, done, total });
      },
    });
    all.push(await vae.decode(drawn, signal));
  }
  return joinBatches(all);
}

function requireSome(name: string, items: readonly unknown[]): void {
  if (items.length === 0) throw invalidCount(`The list of ${name}`, 'at least one entry', 0);
}

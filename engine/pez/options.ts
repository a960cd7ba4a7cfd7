// What a caller may ask of `invert`: the options, their defaults, and the official settings.
import type { ImageInput } from '../clip/image-encoder.ts';
import type { Projection } from './nearest.ts';

/** What the prompt should describe. `weight` (default 1) scales its part of the objective; a negative weight pushes away. */
export type Target = { readonly weight?: number } & (
  | { readonly image: ImageInput }
  | { readonly text: string }
  | { readonly embedding: Float32Array }
);

/** all: every token, special ones too; printable: no control characters or parts of characters; words: whole words. */
export const vocabularyNames = ['all', 'printable', 'words'] as const;

export type VocabularyName = (typeof vocabularyNames)[number];

export const projections = ['cosine', 'l2'] as const satisfies readonly Projection[];

export interface InvertOptions {
  targets: readonly Target[];
  /** Tokens of the prompt, without the template's. */
  length?: number;
  /** Steps of the restart that is kept to the end; the others are dropped on the way, half of them at a time. */
  steps?: number;
  learningRate?: number;
  weightDecay?: number;
  /** Starts that run side by side in one batch. */
  restarts?: number;
  /** Integer from 0; the same seed on the same machine gives the same prompt. */
  seed?: number;
  /** Text around the prompt, with one `{}` in its place: 'a photo of {}'. */
  template?: string;
  /** Start from these words (at most `length` tokens) instead of random tokens. */
  initialPrompt?: string;
  /** Positions of the initial prompt's tokens that stay, even if the vocabulary or the allow-list excludes them; blocked ones do not. */
  fixed?: readonly number[];
  /** Targets drawn per step; by default all of them, which costs no more. */
  batchSize?: number;
  /** Tokens to choose from: see vocabularyNames. */
  vocabulary?: VocabularyName;
  /** Combine only this many words: those that alone are nearest to the targets. true: the default number, false: all. */
  shortlist?: boolean | number;
  /** Only tokens that contain one of these strings, and the tokens of these strings themselves. */
  allow?: readonly string[];
  /** No prompt that contains one of these strings. */
  block?: readonly string[];
  /** This many of the shortlist's nearest words open the prompt and stay; at most half of `length`, and none with `initialPrompt`. */
  anchors?: number;
  /** What "nearest" means. cosine: the largest cosine, as in the official code; l2: the smallest distance, as in the paper. */
  projection?: Projection;
  /** Rounds of coordinate swaps after the search; true: the default number, false or 0: none. */
  polish?: boolean | number;
  /** Number of candidates to return: the best, and the best that differ from it and each other in a third of their tokens. */
  topK?: number;
  /** Ends a phase that has found nothing better for this many steps; true: the default number, false: never. */
  earlyStop?: boolean | number;
  /** Aborting ends the search within one step and returns the best so far. */
  signal?: AbortSignal;
  onProgress?: (progress: InvertProgress) => void;
}

export interface InvertProgress {
  readonly step: number;
  /** Planned steps, rounds of polish included. */
  readonly steps: number;
  /** The best prompt so far and its similarity. */
  readonly prompt: string;
  readonly similarity: number;
  /** Similarity of every restart that still runs, at this step. */
  readonly similarities: readonly number[];
}

/** The numbers and names that have a default; templates and masks have none. */
type Tunable = Required<
  Pick<
    InvertOptions,
    | 'length'
    | 'steps'
    | 'learningRate'
    | 'weightDecay'
    | 'restarts'
    | 'vocabulary'
    | 'shortlist'
    | 'anchors'
    | 'projection'
    | 'polish'
    | 'earlyStop'
  >
>;

/** What `true` stands for: words of the shortlist, rounds of polish, steps without gain before an early stop. */
export const SHORTLIST = 256;
export const POLISH_ROUNDS = 12;
export const PATIENCE = 40;

/** Our settings: a few seconds per picture. docs/pez.md says how they were found. */
export const defaults = {
  length: 8,
  steps: 120,
  learningRate: 0.1,
  weightDecay: 0.1,
  restarts: 8,
  vocabulary: 'words',
  shortlist: true,
  anchors: 3,
  projection: 'cosine',
  polish: true,
  earlyStop: true,
} as const satisfies Tunable;

/** The settings of the official code (Wen et al. 2023): AdamW, 3000 steps, 16 tokens, any token, one start. */
export const official = {
  length: 16,
  steps: 3000,
  learningRate: 0.1,
  weightDecay: 0.1,
  restarts: 1,
  vocabulary: 'all',
  shortlist: false,
  anchors: 0,
  projection: 'cosine',
  polish: false,
  earlyStop: false,
  batchSize: 1,
} as const satisfies Tunable & Partial<InvertOptions>;

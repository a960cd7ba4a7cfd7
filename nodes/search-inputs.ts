// Widgets that the searching nodes share, with the engine's defaults; and what they mean for the engine.
import { defaults, type InvertOptions } from '../engine/pez/options.ts';
import { combo, float, int, optional, string } from './define-node.ts';

export const searchSteps = () =>
  int({
    default: defaults.steps,
    min: 1,
    max: 1_000_000,
    tooltip: 'How long to search. Beyond a few hundred steps, more restarts help more than more steps.',
  });

export const searchRestarts = () =>
  int({
    default: defaults.restarts,
    min: 1,
    max: 1024,
    tooltip: 'How many searches run side by side, each from a different start. The worse half is dropped at intervals.',
  });

/** Inputs for those who want to turn more, all optional. */
export const advancedSearch = {
  vocabulary: optional(
    combo(['words', 'printable', 'all'], {
      default: defaults.vocabulary,
      advanced: true,
      tooltip:
        'What the prompt may consist of. words: whole words. printable: also parts of words, digits and punctuation. all: every token the model knows.',
    }),
  ),
  shortlist: optional(
    int({
      default: 256,
      min: 0,
      max: 1_000_000,
      advanced: true,
      tooltip:
        'Only this many of the words nearest to the target are combined. 0: all words, for a higher similarity but less sense.',
    }),
  ),
  anchors: optional(
    int({
      default: defaults.anchors,
      min: 0,
      max: 75,
      advanced: true,
      tooltip:
        'How many of the nearest words to fix at the start of the prompt. They keep it about what the picture shows; 0 gives a higher similarity.',
    }),
  ),
  allow: optional(
    string({
      multiline: true,
      default: '',
      advanced: true,
      tooltip:
        'Use only these words, and tokens that contain one of them. Separate them by commas or line breaks. Empty: no restriction.',
    }),
  ),
  block: optional(
    string({
      multiline: true,
      default: '',
      advanced: true,
      tooltip: 'Words that the prompt must not contain, separated by commas or line breaks.',
    }),
  ),
  projection: optional(
    combo(['cosine', 'l2'], {
      default: defaults.projection,
      advanced: true,
      tooltip:
        'How the nearest token is chosen: by angle (cosine, as in the authors’ code) or by distance (l2, as in the paper).',
    }),
  ),
  polish: optional(
    int({
      default: 12,
      min: 0,
      max: 10_000,
      advanced: true,
      tooltip: 'How many rounds at the end try to swap single words for better ones. 0: none.',
    }),
  ),
  early_stop: optional(
    int({
      default: 40,
      min: 0,
      max: 1_000_000,
      advanced: true,
      tooltip: 'End a phase after this many steps without improvement. 0: always run it to the end.',
    }),
  ),
  learning_rate: optional(
    float({
      default: defaults.learningRate,
      min: 0.0001,
      max: 10,
      step: 0.01,
      advanced: true,
      tooltip: 'How far each step moves the prompt.',
    }),
  ),
  weight_decay: optional(
    float({
      default: defaults.weightDecay,
      min: 0,
      max: 10,
      step: 0.01,
      advanced: true,
      tooltip: 'How strongly each step pulls the prompt towards zero.',
    }),
  ),
  top_k: optional(
    int({
      default: 5,
      min: 1,
      max: 1000,
      advanced: true,
      tooltip: 'How many of the best prompts to return as candidates.',
    }),
  ),
} as const;

/** Their values, by the names of the inputs. */
export interface AdvancedValues {
  readonly vocabulary?: 'words' | 'printable' | 'all' | undefined;
  readonly shortlist?: number | undefined;
  readonly anchors?: number | undefined;
  readonly projection?: 'cosine' | 'l2' | undefined;
  readonly polish?: number | undefined;
  readonly early_stop?: number | undefined;
  readonly learning_rate?: number | undefined;
  readonly weight_decay?: number | undefined;
  readonly top_k?: number | undefined;
}

/** Widgets say "none" with 0, the engine with false. What is undefined becomes the engine's default. */
export const advancedOptions = (values: AdvancedValues): Omit<InvertOptions, 'targets'> => ({
  vocabulary: values.vocabulary,
  shortlist: values.shortlist === 0 ? false : values.shortlist,
  anchors: values.anchors,
  projection: values.projection,
  polish: values.polish === 0 ? false : values.polish,
  earlyStop: values.early_stop === 0 ? false : values.early_stop,
  learningRate: values.learning_rate,
  weightDecay: values.weight_decay,
  topK: values.top_k,
});

// Widgets that the searching nodes share, with the engine's defaults; and what they mean for the engine.
import { defaults, type InvertOptions } from '../engine/pez/options.ts';
import { combo, float, int, optional, string } from './define-node.ts';

export const searchSteps = () =>
  int({
    default: defaults.steps,
    min: 1,
    max: 1_000_000,
    tooltip: 'How long to search. Beyond a few hundred steps more restarts help more.',
  });

export const searchRestarts = () =>
  int({
    default: defaults.restarts,
    min: 1,
    max: 1024,
    tooltip: 'Searches that run side by side from different beginnings; the worse half is dropped again and again.',
  });

/** Inputs for those who want to turn more, all optional. */
export const advancedSearch = {
  vocabulary: optional(
    combo(['words', 'printable', 'all'], {
      default: defaults.vocabulary,
      advanced: true,
      tooltip:
        'What the prompt may be made of. words: whole words. printable: parts of words, digits and signs too. all: every token that the model knows.',
    }),
  ),
  shortlist: optional(
    int({
      default: 256,
      min: 0,
      max: 1_000_000,
      advanced: true,
      tooltip:
        'Only the words nearest to the target are combined: so many. 0: all words, for a higher similarity and less sense.',
    }),
  ),
  anchors: optional(
    int({
      default: defaults.anchors,
      min: 0,
      max: 75,
      advanced: true,
      tooltip:
        'The nearest words open the prompt and stay: so many. They keep it about what the picture shows; 0 for a higher similarity.',
    }),
  ),
  allow: optional(
    string({
      multiline: true,
      default: '',
      advanced: true,
      tooltip:
        'Only tokens that contain one of these, and these words themselves; separated by commas or lines. Empty: everything.',
    }),
  ),
  block: optional(
    string({
      multiline: true,
      default: '',
      advanced: true,
      tooltip: 'Words that the prompt must not contain, separated by commas or lines.',
    }),
  ),
  projection: optional(
    combo(['cosine', 'l2'], {
      default: defaults.projection,
      advanced: true,
      tooltip:
        'What the nearest token is: by angle (cosine, as the code of the paper) or by distance (l2, as the paper writes).',
    }),
  ),
  polish: optional(
    int({
      default: 12,
      min: 0,
      max: 10_000,
      advanced: true,
      tooltip: 'Rounds at the end in which single words are swapped for better ones; 0: none.',
    }),
  ),
  early_stop: optional(
    int({
      default: 40,
      min: 0,
      max: 1_000_000,
      advanced: true,
      tooltip: 'Steps without gain after which a phase ends; 0: never before its end.',
    }),
  ),
  learning_rate: optional(
    float({
      default: defaults.learningRate,
      min: 0.0001,
      max: 10,
      step: 0.01,
      advanced: true,
      tooltip: 'How far a step moves the prompt.',
    }),
  ),
  weight_decay: optional(
    float({
      default: defaults.weightDecay,
      min: 0,
      max: 10,
      step: 0.01,
      advanced: true,
      tooltip: 'How strongly a step pulls the prompt towards zero.',
    }),
  ),
  top_k: optional(
    int({
      default: 5,
      min: 1,
      max: 1000,
      advanced: true,
      tooltip: 'How many of the best prompts to hand on as candidates.',
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

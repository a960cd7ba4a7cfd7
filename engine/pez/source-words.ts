// The sources of a blend → the words of each: prompts are read, pictures inverted.
import type { Clip } from '../clip/clip.ts';
import { type BlendSettings, weightOf } from './blend-settings.ts';
import { roomOf } from './embed.ts';
import { invert } from './invert.ts';
import type { WeightedWords } from './join-prompts.ts';
import { defaults, POLISH_ROUNDS } from './options.ts';
import { selectWords } from './select-words.ts';
import { distinctWords, type Word, wordsOf } from './words.ts';

export interface SourceWords {
  /** One for each source of positive weight that has words; fewer if an abort left pictures uninverted. */
  readonly words: readonly WeightedWords[];
  /** Steps that ran, for the progress of what follows. */
  readonly steps: number;
}

/** Reads all sources of positive weight. */
export async function readSources(clip: Clip, settings: BlendSettings): Promise<SourceWords> {
  const { seed, steps, restarts, signal, onProgress } = settings;
  const sources = settings.sources.filter((source) => weightOf(source) > 0);
  const pictures = sources.filter((source) => 'image' in source).length;
  const each = (steps ?? defaults.steps) + POLISH_ROUNDS;
  const words: WeightedWords[] = [];
  let inverted = 0;
  for (const source of sources) {
    let text: string;
    if ('image' in source) {
      if (signal?.aborted) continue;
      const { prompt } = await invert(clip, {
        targets: [{ image: source.image }],
        length: Math.min(defaults.length, settings.length ?? roomOf(clip.tokenizer)),
        seed,
        steps,
        restarts,
        signal,
        onProgress: ({ step, prompt, similarity }) =>
          onProgress?.({ step: inverted * each + step, steps: pictures * each, prompt, similarity }),
      });
      inverted++;
      text = prompt;
    } else text = source.prompt;
    words.push({ words: wordsOf(clip.tokenizer, clip.tokenizer.encode(text)), weight: weightOf(source) });
  }
  return { words, steps: pictures * each };
}

/** Tokens of the longest source, or what the context holds. */
export const longest = ({ tokenizer }: Clip, sources: readonly WeightedWords[]): number =>
  Math.min(roomOf(tokenizer), Math.max(...sources.map(({ words }) => tokensOf(words))));

const tokensOf = (words: readonly Word[]): number => words.reduce((sum, { ids }) => sum + ids.length, 0);

interface SelectionOptions extends Pick<BlendSettings, 'signal' | 'onProgress'> {
  readonly length: number;
  score(embedding: Float32Array): number;
  /** Steps that ran before. */
  readonly before: number;
}

/** The words of all sources that together score best; never worse than the first words of one source. '' if there are none. */
export async function selectFromSources(
  clip: Clip,
  sources: readonly WeightedWords[],
  { length, score, before, signal, onProgress }: SelectionOptions,
): Promise<string> {
  const words = distinctWords(sources.flatMap((source) => source.words));
  const indexOf = new Map(words.map((word, w) => [word.text, w]));
  const seeds = sources.map((source) => {
    const own = [...new Set(source.words.flatMap((word) => indexOf.get(word.text) ?? []))];
    return own.filter((_, i) => tokensOf(own.slice(0, i + 1).map((w) => words[w])) <= length);
  });
  let step = before;
  const { order } = await selectWords(clip, {
    words,
    seeds,
    length,
    score,
    signal,
    onBatch: (prompt, similarity) => {
      step++;
      onProgress?.({ step, steps: Math.max(step, before + 4 * length), prompt, similarity });
    },
  });
  return order.map((w) => words[w].text).join(' ');
}

// What the prompts are worth: pictures that pico-clip has not seen, with our settings and the official ones.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Clip, loadClip } from '../engine/clip/clip.ts';
import { type InvertOptions, invert, official } from '../engine/pez/invert.ts';
import { cosine, mean } from '../engine/vector.ts';
import type { Row } from './table.ts';

/** A line of index.json: a picture, a caption that fits it, and the words of its subject's name and keywords. */
interface Entry {
  readonly file: string;
  readonly caption: string;
  readonly words: readonly string[];
}

interface Outcome {
  readonly entry: Entry;
  readonly prompt: string;
  readonly similarity: number;
  readonly captionSimilarity: number;
  readonly seconds: number;
}

const LENGTH = 8;

/** Name → options of the settings that are compared with ours. */
const variants: Record<string, Partial<InvertOptions>> = {
  'defaults, no anchors': { anchors: 0 },
};

/** Quality on the held-out pictures (the first `pictures` of them) and on pictures from outside pico-clip's world. */
export async function measureQuality(pictures = 100): Promise<Record<string, Row[]>> {
  const clip = await loadClip('pico-clip');
  const heldOut = readEntries('held-out').slice(0, pictures);
  await invertAll(clip, heldOut.slice(0, 1), 'held-out', {}); // compile sessions, embed the words
  const ours = await invertAll(clip, heldOut, 'held-out', {});
  const rows = [summarise('defaults', ours)];
  for (const [name, options] of Object.entries(variants))
    rows.push(summarise(name, await invertAll(clip, heldOut, 'held-out', options)));
  const budgetMs = (1000 * ours.reduce((sum, o) => sum + o.seconds, 0)) / ours.length;
  rows.push(summarise('official, same time', await invertAll(clip, heldOut, 'held-out', official, budgetMs)));
  const outside = await invertAll(clip, readEntries('outside'), 'outside', {});
  return {
    [`Quality on ${heldOut.length} held-out pictures (pico-clip, ${LENGTH} tokens)`]: rows,
    'Pictures from outside its world': [summarise('defaults', outside)],
    'Their prompts': outside.map(describe),
    'Some of the held-out prompts': ours.slice(0, 12).map(describe),
  };
}

const folderOf = (set: string) => fileURLToPath(new URL(`../test/fixtures/${set}/`, import.meta.url));

const readEntries = (set: string): Entry[] => JSON.parse(readFileSync(`${folderOf(set)}index.json`, 'utf8'));

async function invertAll(
  clip: Clip,
  entries: readonly Entry[],
  set: string,
  options: Partial<InvertOptions>,
  budgetMs?: number,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [seed, entry] of entries.entries()) {
    const image = folderOf(set) + entry.file;
    const signal = budgetMs ? { signal: AbortSignal.timeout(Math.round(budgetMs)) } : {};
    const result = await invert(clip, { ...options, targets: [{ image }], length: LENGTH, seed, ...signal });
    const [[picture], [caption]] = [await clip.image.encode([image]), await clip.text.encode([entry.caption])];
    const captionSimilarity = cosine(picture, caption);
    outcomes.push({ entry, ...result, captionSimilarity });
    process.stderr.write(`  ${entry.file}: ${result.prompt}\n`);
  }
  return outcomes;
}

function summarise(settings: string, outcomes: readonly Outcome[]): Row {
  const meanOf = (f: (o: Outcome) => number) => mean(outcomes.map(f));
  const percent = (holds: (o: Outcome, i: number) => boolean) =>
    ((100 * outcomes.filter(holds).length) / outcomes.length).toFixed(0);
  return {
    settings,
    's / picture': meanOf((o) => o.seconds).toFixed(1),
    'slowest s': Math.max(...outcomes.map((o) => o.seconds)).toFixed(1),
    similarity: meanOf((o) => o.similarity).toFixed(3),
    "caption's": meanOf((o) => o.captionSimilarity).toFixed(3),
    '≥ caption %': percent((o) => o.similarity >= o.captionSimilarity),
    'subject word %': percent((o) => names(o.prompt, o.entry)),
    // The same prompts against the words of the next picture: what hitting by luck would give.
    'by chance %': percent((o, i) => names(o.prompt, outcomes[(i + 1) % outcomes.length].entry)),
  };
}

const names = (prompt: string, { words }: Entry) => prompt.split(/[^\p{L}]+/u).some((word) => words.includes(word));

const describe = ({ entry, prompt, similarity, captionSimilarity }: Outcome): Row => ({
  picture: entry.file,
  prompt,
  similarity: similarity.toFixed(3),
  caption: entry.caption,
  "caption's": captionSimilarity.toFixed(3),
});

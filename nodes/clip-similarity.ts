// Pictures and texts × pictures and texts → how near each is to each.
import { invalidCount } from '../engine/check.ts';
import { InputError } from '../engine/errors.ts';
import { allBytesOf } from '../engine/image/batch.ts';
import { compareAll } from '../engine/pez/compare.ts';
import type { Embeddable } from '../engine/pez/embed.ts';
import { judgeOf } from './clip-kinds.ts';
import { defineNode, list, NodeResult, optional, port, string } from './define-node.ts';
import { linesOf } from './read-text.ts';
import { textTable } from './text-table.ts';
import type { ImageBatch } from './values.ts';

const texts = (tooltip: string) => optional(string({ multiline: true, default: '', tooltip }));

export const clipSimilarity = defineNode({
  type: 'CLIPSimilarity',
  displayName: 'CLIP Similarity',
  category: 'PEZ',
  description:
    'Says how close pictures and texts are for CLIP: 1 means the same, 0 means nothing in common. Every picture and text of side a is compared with every one of side b.',
  searchAliases: ['clip score', 'cosine similarity', 'compare images', 'compare prompts'],
  inputs: {
    clip: port('CLIP', { tooltip: 'The model that judges.' }),
    images_a: optional(port('IMAGE', { tooltip: 'Pictures of side a. Each picture of a batch is a row.' })),
    texts_a: texts('Texts of side a, one per line. Each is a row.'),
    images_b: optional(port('IMAGE', { tooltip: 'Pictures of side b. Each picture of a batch is a column.' })),
    texts_b: texts('Texts of side b, one per line. Each is a column.'),
  },
  outputs: {
    table: port('STRING', { tooltip: 'All similarities as a table: side a in rows, side b in columns.' }),
    similarities: list(port('FLOAT', { tooltip: 'All similarities, row by row.' })),
    maximum: port('FLOAT', { tooltip: 'The largest of them.' }),
  },
  hasIntermediateOutput: true,
  run: async ({ clip, images_a, texts_a, images_b, texts_b }, { signal }) => {
    const a = sideOf('a', images_a, texts_a);
    const b = sideOf('b', images_b, texts_b);
    const cells = a.items.length * b.items.length;
    if (cells > MAX_CELLS) throw invalidCount('The table', `at most ${MAX_CELLS} similarities`, cells);
    const matrix = await compareAll(judgeOf(clip), a.items, b.items, signal);
    const rows = matrix.map((row, i) => [a.names[i], ...row.map((x) => x.toFixed(4))]);
    const table = textTable([['', ...b.names], ...rows]);
    const similarities = matrix.flat();
    const outputs = { table, similarities, maximum: similarities.reduce((a, b) => Math.max(a, b)) };
    return new NodeResult({ outputs, ui: { text: [table] } });
  },
});

/** Similarities of one table: all of them are shown. */
const MAX_CELLS = 100_000;
/** Pictures and texts of one side: each is encoded. */
const MAX_ITEMS = 1000;
/** Characters of one side. */
const MAX_CHARACTERS = 100_000;

function sideOf(side: 'a' | 'b', images: ImageBatch | undefined, text: string | undefined) {
  if (text !== undefined && text.length > MAX_CHARACTERS)
    throw invalidCount(`texts_${side}`, `at most ${MAX_CHARACTERS} characters`, text.length);
  const pictures = images ? allBytesOf(images) : [];
  const lines = linesOf(text);
  const items: Embeddable[] = [...pictures.map((image) => ({ image })), ...lines.map((line) => ({ text: line }))];
  if (items.length > MAX_ITEMS)
    throw invalidCount(`Side ${side}`, `at most ${MAX_ITEMS} pictures and texts`, items.length);
  if (items.length === 0)
    throw new InputError('OPTION_INVALID', `Side ${side} is empty: connect images_${side} or write texts_${side}.`);
  return { items, names: [...pictures.map((_, i) => `image ${i + 1}`), ...lines] };
}

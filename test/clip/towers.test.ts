// The text towers of test/fixtures/towers (CLIP in several exports, SigLIP, MobileCLIP, Llama) through the text encoder:
// whatever their inputs and outputs are called, PyTorch's embeddings come out.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTextEncoder } from '../../engine/clip/text-encoder.ts';
import type { Tokenizer } from '../../engine/clip/tokenizer.ts';

interface Case {
  name: string;
  inputs: Record<'input_ids' | 'attention_mask', { dims: [number, number]; data: number[] }>;
  embedding: { dims: [number, number]; data: number[] };
}

const folder = join(import.meta.dirname, '../fixtures/towers');
const towers = readdirSync(folder).flatMap((name) => {
  if (!existsSync(join(folder, name, 'gradient.json'))) return [];
  const { output, cases } = JSON.parse(readFileSync(join(folder, name, 'gradient.json'), 'utf8'));
  const paths = { model: join(folder, name, 'model.onnx') };
  if (!existsSync(paths.model) || !['text_embeds', 'pooler_output', 'sentence_embedding'].includes(output)) return [];
  return (cases as Case[])
    .filter((c) => c.embedding && !c.inputs.attention_mask?.data.includes(0)) // rows without padding
    .map((c) => [name, c.name, paths.model, c] as const);
});

const rowsOf = ({ dims: [rows, width], data }: { dims: [number, number]; data: number[] }) =>
  Array.from({ length: rows }, (_, i) => data.slice(i * width, (i + 1) * width));

test('there are towers of several kinds', () => {
  expect(new Set(towers.map(([name]) => name)).size).toBeGreaterThan(8);
});

test.each(towers)('%s, %s', async (name, _, path, { inputs, embedding }) => {
  const encoder = makeTextEncoder({ path, device: 'cpu' }, {} as Tokenizer);
  const vectors = await encoder.encodeFramed(rowsOf(inputs.input_ids));
  const tolerance = name.includes('fp16') ? 5e-3 : 2e-5;
  rowsOf(embedding).forEach((expected, i) => {
    const length = Math.hypot(...expected);
    const worst = Math.max(...expected.map((v, k) => Math.abs(v / length - vectors[i][k])));
    expect(worst).toBeLessThan(tolerance);
  });
  expect(await encoder.dim()).toBe(embedding.dims[1]);
});

// `pez-nodes similarity <image> <text…>`: → a table of cosines, the nearest text first.
import type { Command } from 'commander';
import { loadModel } from './load-model.ts';
import { addFolderOptions, type FolderOptions } from './model-folders.ts';
import { addModelOptions, type ModelOptions } from './options.ts';

interface CliOptions extends ModelOptions, FolderOptions {
  readonly json?: boolean;
}

/** Adds the command to the program. */
export function addSimilarity(program: Command): void {
  const command = program
    .command('similarity')
    .description('compare an image with texts')
    .argument('<image>', 'image file')
    .argument('<texts...>', 'texts')
    .option('--json', 'print one JSON object');
  addFolderOptions(addModelOptions(command)).action(runSimilarity);
}

async function runSimilarity(image: string, texts: string[], options: CliOptions): Promise<void> {
  const clip = await loadModel(options);
  const { cosine } = await import('../engine/vector.ts');
  const [picture] = await clip.image.encode([image]);
  const vectors = await clip.text.encode(texts);
  const similarities = texts
    .map((text, i) => ({ text, similarity: cosine(picture, vectors[i]) }))
    .sort((a, b) => b.similarity - a.similarity);
  const lines = options.json
    ? [JSON.stringify({ model: options.clip, image, similarities })]
    : similarities.map(({ text, similarity }) => `${similarity.toFixed(4).padStart(7)}  ${text}`);
  process.stdout.write(`${lines.join('\n')}\n`);
}

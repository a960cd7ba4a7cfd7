// `pez-nodes encode <text or image…>`: → unit embeddings, one line each or one JSON object.
import { statSync } from 'node:fs';
import type { Command } from 'commander';
import type { Clip } from '../engine/clip/clip.ts';
import { loadModel } from './load-model.ts';
import { addFolderOptions, type FolderOptions } from './model-folders.ts';
import { addModelOptions, type ModelOptions } from './options.ts';

interface CliOptions extends ModelOptions, FolderOptions {
  readonly json?: boolean;
  readonly text?: boolean;
  readonly image?: boolean;
}

/** Adds the command to the program. */
export function addEncode(program: Command): void {
  const command = program
    .command('encode')
    .description('print the embeddings of texts and images')
    .argument(
      '<inputs...>',
      'image files and texts; anything that names a file, or ends like an image file, is an image',
    )
    .option('--text', 'treat all inputs as texts')
    .option('--image', 'treat all inputs as images')
    .option('--json', 'print one JSON object');
  addFolderOptions(addModelOptions(command)).action(runEncode);
}

async function runEncode(inputs: string[], options: CliOptions): Promise<void> {
  const clip = await loadModel(options);
  const embeddings: { input: string; kind: 'image' | 'text'; embedding: number[] }[] = [];
  for (const input of inputs) {
    const kind = options.text ? 'text' : options.image || namesImage(input) ? 'image' : 'text';
    embeddings.push({ input, kind, embedding: [...(await encodeOne(clip, kind, input))] });
  }
  const dim = embeddings[0].embedding.length;
  const lines = options.json
    ? [JSON.stringify({ model: options.clip, dim, embeddings })]
    : embeddings.map(({ input, embedding }) => `${input.replace(/\s+/g, ' ')}\t${embedding.join(' ')}`);
  process.stdout.write(`${lines.join('\n')}\n`);
}

const encodeOne = async (clip: Clip, kind: 'image' | 'text', input: string): Promise<Float32Array> =>
  (kind === 'image' ? await clip.image.encode([input]) : await clip.text.encode([input]))[0];

/** A path that exists, or that looks like one: a mistyped file name must not pass for a text. */
function namesImage(input: string): boolean {
  if (/^\S*\.(png|jpe?g|webp|gif|tiff?|avif|heic|svg|bmp)$/i.test(input)) return true;
  return statSync(input, { throwIfNoEntry: false })?.isFile() ?? false;
}

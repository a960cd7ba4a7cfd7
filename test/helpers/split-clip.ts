// A tiny CLIP as people keep it: the text tower in one file, the picture tower in another, each with its configuration beside it.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clipFixture, clipTensors } from './clip-weights.ts';
import { writeSafetensors } from './safetensors-file.ts';

/** 527 tokens, which the CLIPs of test/fixtures/clip-weights share. */
const TOKENIZER = join(import.meta.dirname, '../fixtures/diffusion/sd15/tokenizer');

/** Writes model.safetensors into both folders. */
export function writeSplitClip(textFolder: string, visionFolder: string): void {
  const { config, ...fixture } = clipFixture('transformers-quick-gelu');
  const tensors = Object.entries(clipTensors({ ...fixture, config }));
  for (const [folder, prefix] of [
    [textFolder, 'text_'],
    [visionFolder, 'vis'],
  ]) {
    mkdirSync(folder, { recursive: true });
    const part = Object.fromEntries(tensors.filter(([name]) => name.startsWith(prefix)));
    writeSafetensors(join(folder, 'model.safetensors'), part);
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  }
  cpSync(TOKENIZER, textFolder, { recursive: true });
}

/** Writes a text tower without a projection: it can draw, not judge. */
export function writeTextTower(folder: string): void {
  const fixture = clipFixture('text-model-alone');
  mkdirSync(folder, { recursive: true });
  writeSafetensors(join(folder, 'model.safetensors'), clipTensors(fixture));
  writeFileSync(join(folder, 'config.json'), JSON.stringify(fixture.config));
  cpSync(TOKENIZER, folder, { recursive: true });
}

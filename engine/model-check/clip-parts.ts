// A CLIP → its parts and a sample input for each: the two towers, and the gradient of the text tower that PEZ descends on.
import { type Clip, type LoadOptions, loadClip } from '../clip/clip.ts';
import type { RawImage } from '../image/decode-image.ts';
import { createTextGradient } from '../pez/text-gradient.ts';
import { type Checkable, SAMPLE_TEXT } from './part.ts';

/** A picture of colour gradients, 224×224. */
const SAMPLE_SIDE = 224;

/** The CLIP's parts; nothing runs yet. Throws what `loadClip` throws. */
export async function clipParts(name: string, options: LoadOptions): Promise<Checkable> {
  const clip = await loadClip(name, options);
  return {
    parts: [
      { name: 'text', run: () => clip.text.encode([SAMPLE_TEXT]) },
      { name: 'vision', optional: true, run: () => clip.image.encode([samplePicture()]) },
      { name: 'gradient', optional: true, run: () => runGradient(clip) },
    ],
    release: async () => undefined, // the sessions of towers are kept for the life of a process
  };
}

async function runGradient(clip: Clip): Promise<Float32Array[]> {
  const row = clip.tokenizer.frame(clip.tokenizer.encode(SAMPLE_TEXT));
  const gradient = await createTextGradient(clip, row.length);
  const size = await clip.text.dim();
  const direction = new Float32Array(size).map((_, i) => (i % 2 ? -1 : 1) / Math.sqrt(size));
  const { embeddings, gradients } = await gradient.run([row], direction);
  return [...embeddings, ...gradients];
}

function samplePicture(): RawImage {
  const data = new Uint8Array(SAMPLE_SIDE * SAMPLE_SIDE * 3);
  for (let y = 0; y < SAMPLE_SIDE; y++)
    for (let x = 0; x < SAMPLE_SIDE; x++) data.set([x, y, (x * y) % 256], (y * SAMPLE_SIDE + x) * 3);
  return { data, width: SAMPLE_SIDE, height: SAMPLE_SIDE, channels: 3 };
}

// What a start costs: loading, compiling, the first step; and memory.
import { loadClip } from '../engine/clip/clip.ts';
import { createTextGradient } from '../engine/pez/text-gradient.ts';
import { randomClip, type ShapeName } from './random-clip.ts';
import type { Row } from './table.ts';

const megabytes = () => Math.round(process.memoryUsage().rss / 1e6);

/** Load and compile times in seconds, resident memory in MB, for pico-clip and the given shapes; 8 tokens. */
export async function measureStartup(shapes: readonly ShapeName[], folder: string): Promise<Row[]> {
  const rows: Row[] = [];
  const add = async (model: string, load: () => Promise<Parameters<typeof createTextGradient>[0]>) => {
    const before = megabytes();
    const started = performance.now();
    const clip = await load();
    await clip.text.encode(['a cat']);
    const loaded = performance.now();
    const gradient = await createTextGradient(clip, 10);
    await gradient.run(
      [clip.tokenizer.frame([10, 11, 12, 13, 14, 15, 16, 17])],
      new Float32Array(await clip.text.dim()).fill(1),
    );
    const compiled = performance.now();
    rows.push({
      model,
      'load s': ((loaded - started) / 1000).toFixed(2),
      'compile and first step s': ((compiled - loaded) / 1000).toFixed(2),
      'memory before MB': before,
      'memory after MB': megabytes(),
    });
  };
  await add('pico-clip', () => loadClip('pico-clip'));
  for (const shape of shapes) await add(`${shape} (random)`, async () => randomClip(shape, folder));
  return rows;
}

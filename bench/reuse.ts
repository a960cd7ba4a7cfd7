// How many gradients the memory saves: the same searches, counting.
import { fileURLToPath } from 'node:url';
import { loadClip } from '../engine/clip/clip.ts';
import { invert } from '../engine/pez/invert.ts';
import { defaults, official } from '../engine/pez/options.ts';
import type { Row } from './table.ts';

const PICTURE = fileURLToPath(new URL('../examples/tiger.png', import.meta.url));

/** Gradients requested and computed: official settings at three learning rates, and our defaults. */
export async function measureReuse(): Promise<Row[]> {
  const clip = await loadClip('pico-clip');
  const settings = {
    'official, 500 steps': { ...official, steps: 500 },
    'official, 500 steps, learning rate 0.01': { ...official, steps: 500, learningRate: 0.01 },
    defaults: { ...defaults, polish: false, earlyStop: false },
  };
  const rows: Row[] = [];
  for (const [name, options] of Object.entries(settings)) {
    const { gradientRuns, history } = await invert(clip, { ...options, targets: [{ image: PICTURE }], seed: 1 });
    const asked = history.similarities.reduce((sum, restarts) => sum + restarts.length, 0);
    rows.push({
      settings: name,
      'gradients requested': asked,
      computed: gradientRuns,
      'saved %': (100 * (1 - gradientRuns / asked)).toFixed(0),
    });
  }
  return rows;
}

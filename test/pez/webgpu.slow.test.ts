/** @jest-environment-options {"webgpu": true} */
// CLIP and PEZ on WebGPU: embeddings, gradients and a whole search, beside the CPU's.
import { join } from 'node:path';
import { loadClip } from '../../engine/clip/clip.ts';
import { makeTextEncoder } from '../../engine/clip/text-encoder.ts';
import { invert } from '../../engine/pez/invert.ts';
import { createNearestRows } from '../../engine/pez/nearest.ts';
import type { InvertOptions } from '../../engine/pez/options.ts';
import { createTextGradient } from '../../engine/pez/text-gradient.ts';
import { dot } from '../../engine/vector.ts';
import { random } from '../helpers/random.ts';
import { towerClip } from '../helpers/tower-clip.ts';
import { readTower, relativeError, towerNames } from '../helpers/towers.ts';
import { describeWebgpu, largestDifference, refusedWithoutHalf, SLOW_MS } from '../helpers/webgpu.ts';

const examples = join(import.meta.dirname, '../../examples');
const clipFixtures = join(import.meta.dirname, '../fixtures/clip');
const towers = towerNames()
  .map(readTower)
  .filter(({ loss, endId, padId }) => loss === 'cosine' && endId !== null && padId !== null);

describeWebgpu('CLIP on WebGPU', () => {
  test('texts and pictures have the embeddings that they have on the CPU', async () => {
    const folder = join(clipFixtures, 'standin');
    const [cpu, gpu] = [await loadClip(folder), await loadClip(folder, { device: 'webgpu' })];
    expect(gpu.device).toBe('webgpu');
    const texts = ['a red fox', '', 'a tiger, a clock and a house'];
    const pictures = ['picture-20x20.png', 'picture-90x61.png'].map((name) => join(clipFixtures, name));
    const [a, b] = [await cpu.text.encode(texts), await gpu.text.encode(texts)];
    const [c, d] = [await cpu.image.encode(pictures), await gpu.image.encode(pictures)];
    [...a, ...c].forEach((vector, i) => {
      expect(largestDifference(vector, [...b, ...d][i])).toBeLessThan(1e-4);
    });
  });

  test.each(towers.map(({ tower }) => tower))('the gradient of the text tower %s is that on the CPU', async (name) => {
    const tower = readTower(name);
    const cpu = towerClip(tower);
    const place = { path: tower.path, device: 'webgpu' } as const;
    const gpu = { ...cpu, device: place.device, text: makeTextEncoder(place, cpu.tokenizer) };
    const row = cpu.tokenizer.frame([10, 20, 30, 40, 50]);
    const unit = Float32Array.from(tower.target!.data, (x) => x / Math.hypot(...tower.target!.data));
    const [a, b] = [
      await createTextGradient(cpu, row.length),
      await createTextGradient(gpu, row.length).catch(refusedWithoutHalf),
    ];
    if (!b) return; // a card without float16 cannot run the tower's own embedding
    expect(b.positions).toBe(a.positions);
    const [x, y] = [await a.run([row], unit), await b.run([row], unit)];
    expect(largestDifference(x.similarities, y.similarities)).toBeLessThan(1e-4);
    expect(relativeError(y.gradients[0], [...x.gradients[0]])).toBeLessThan(1e-4);
  });

  test('the nearest rows are those on the CPU, and never a masked one', async () => {
    const draw = random(3);
    const [vocabSize, dim] = [1500, 32];
    const noise = (length: number) => Float32Array.from({ length }, () => draw() - 0.5);
    const table = { vocabSize, dim, data: noise(vocabSize * dim) };
    const mask = noise(vocabSize).map((x) => (x < 0 ? 0 : Number.NEGATIVE_INFINITY));
    const [cpu, gpu] = [await createNearestRows(table), await createNearestRows(table, 'webgpu')];
    const points = noise(12 * dim);
    for (const kind of ['cosine', 'l2'] as const)
      expect(await gpu.project(points, mask, kind)).toEqual(await cpu.project(points, mask, kind));
    const steepest = await gpu.steepest(points, mask, 20);
    expect(steepest).toEqual(await cpu.steepest(points, mask, 20));
    expect(steepest.every((ids) => ids.every((id) => mask[id] === 0))).toBe(true);
  });

  test(
    'a search on pico-clip finds what it finds on the CPU',
    async () => {
      const picture = join(examples, 'tiger.png');
      const search = {
        targets: [{ image: picture }],
        ...{ length: 3, steps: 4, restarts: 1, seed: 3 },
        ...{ shortlist: false, anchors: 0, polish: false, vocabulary: 'words' },
      } satisfies InvertOptions;
      const [cpu, gpu] = [await loadClip('pico-clip'), await loadClip('pico-clip', { device: 'webgpu' })];
      const [a, b] = [await invert(cpu, search), await invert(gpu, search)];
      const [text] = await cpu.text.encode([b.prompt]);
      const [image] = await cpu.image.encode([picture]);
      expect(Math.abs(dot(text, image) - b.similarity)).toBeLessThan(1e-4); // what it says of its own prompt
      expect(Math.abs(a.similarity - b.similarity)).toBeLessThan(1e-4);
    },
    SLOW_MS,
  );
});

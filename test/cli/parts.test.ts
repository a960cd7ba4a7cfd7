// The parts of the command line that need no process: files, progress, signals.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { showDownloads, showInversion } from '../../cli/progress.ts';
import { watchInterrupt } from '../../cli/stop-signal.ts';
import { checkWritable, writeFileWhole } from '../../cli/write-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'pez-parts-'));
afterAll(() => rmSync(folder, { recursive: true }));

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

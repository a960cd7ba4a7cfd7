// Graphs over .safetensors files, written into a cache of the test's own.
import { cpSync } from 'node:fs';

/** For this test file; its graphs are removed with the folder. */
export function useCache(dir: string): void {
  const before = process.env.HF_HOME;
  process.env.HF_HOME = dir;
  afterAll(() => {
    if (before === undefined) delete process.env.HF_HOME;
    else process.env.HF_HOME = before;
  });
}

export function copyTo(dir: string, from: string): string {
  cpSync(from, dir, { recursive: true });
  return dir;
}

// Models by name: folders of the data folder before what the loader knows, each loaded once, failed loads tried again.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Checkpoint, Clip } from '../../../nodes/node-context.ts';
import { createWorkerModels } from '../../../server/worker/models.ts';

const modelsDir = mkdtempSync(join(tmpdir(), 'pez-models-'));
afterAll(() => rmSync(modelsDir, { recursive: true }));
const { signal } = new AbortController();

/** Loaders that note what they are asked for. */
function makeModels({ failures = 0 } = {}) {
  const [loaded, released]: [string[], string[]] = [[], []];
  let left = failures;
  const models = createWorkerModels({
    modelsDir,
    loadClip: async (name) => {
      loaded.push(name);
      return { name } as Clip;
    },
    loadCheckpoint: async (name, { onProgress }) => {
      loaded.push(name);
      onProgress({ receivedBytes: 1, totalBytes: 4 });
      if (left-- > 0) throw new Error('no network');
      return { name, release: async () => void released.push(name) } as unknown as Checkpoint;
    },
  });
  return { models, loaded, released };
}

test('a folder of models/checkpoints or models/clip is taken by its name, other names go to the loader', async () => {
  const { models, loaded } = makeModels();
  for (const path of ['checkpoints/mine', 'clip/mine']) mkdirSync(join(modelsDir, path), { recursive: true });
  await models.checkpoint('mine', { signal });
  await models.clip('mine', { signal });
  for (const name of ['org/name', '../mine', 'bundled']) await models.checkpoint(name, { signal });
  const own = ['checkpoints/mine', 'clip/mine'].map((path) => join(modelsDir, path));
  expect(loaded).toEqual([...own, 'org/name', '../mine', 'bundled']);
});

test('a checkpoint is loaded once; a load that failed is tried again; downloads are reported', async () => {
  const { models, loaded } = makeModels({ failures: 1 });
  const progress: number[][] = [];
  const load = () => models.checkpoint('a', { signal, onProgress: (done, total) => progress.push([done, total]) });
  await expect(load()).rejects.toThrow('no network');
  expect(await load()).toBe(await load());
  expect(loaded).toEqual(['a', 'a']);
  expect(progress).toEqual([
    [1, 4],
    [1, 4],
  ]);
});

test('of three checkpoints the one used longest ago frees its sessions', async () => {
  const { models, loaded, released } = makeModels();
  for (const name of ['a', 'b', 'a', 'c']) await models.checkpoint(name, { signal });
  expect(released).toEqual(['b']);
  await models.checkpoint('b', { signal });
  expect(loaded).toEqual(['a', 'b', 'c', 'b']);
  expect(released).toEqual(['b', 'a']);
});

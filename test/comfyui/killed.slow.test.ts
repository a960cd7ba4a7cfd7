// The pack for ComfyUI while its server is killed and comes back; all under paths with letters of other alphabets.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServerProcess } from '../helpers/server-process.ts';
import { describeWithPython, packFolder, startPythonPack } from './python-pack.ts';

const tiger = join(import.meta.dirname, '../../examples/tiger.png');
const inputs = { clip: 'pico-clip', preset: 'custom', length: 4, seed: 1, steps: 120, restarts: 2, early_stop: 0 };
const call = { class: 'PEZInvert', inputs, images: { images: [tiger] } };

describeWithPython('the pack while its server dies', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'Köln 画 '));
    cpSync(packFolder, join(folder, 'custom_nodes/pez.nodes'), { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Kills the server in the middle of a search, and starts one on the same port with a data folder of this name. */
  async function killAndStart(dataDir: string) {
    const first = await startServerProcess({ dataDir: join(folder, 'daten') });
    const pack = await startPythonPack({ PEZ_NODES_URL: first.url }, join(folder, 'custom_nodes/pez.nodes'));
    const result = pack.run(call);
    await pack.hears(({ progress }) => progress !== undefined);
    await first.kill();
    await pack.hears(({ text }) => text?.includes('is gone; the job goes on when it is back') ?? false);
    const second = await startServerProcess({ port: first.port, dataDir: join(folder, dataDir) });
    try {
      return (await result).result;
    } finally {
      await pack.close();
      await second.close();
    }
  }

  test('the job goes on with its queue, or is handed in again where the queue is gone', async () => {
    const [same] = await killAndStart('daten');
    const [fresh] = await killAndStart('andere Daten');
    expect(same.split(' ')).toContain('tiger');
    expect(fresh).toBe(same);
  }, 120_000);

  test('a server that stays away is an error after PEZ_NODES_PATIENCE seconds', async () => {
    const server = await startServerProcess({ dataDir: join(folder, 'daten') });
    const pack = await startPythonPack({ PEZ_NODES_URL: server.url, PEZ_NODES_PATIENCE: '0.1' });
    const result = pack.run(call);
    const caught = expect(result).rejects.toThrow(/No pez-nodes server answers/);
    await pack.hears(({ progress }) => progress !== undefined);
    await server.kill();
    await caught;
    await pack.close();
  });
});

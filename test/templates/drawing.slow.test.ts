// The templates that draw run through the server: here with a tiny checkpoint in the place of theirs and with short searches.
import { cpSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkpointDir } from '../diffusion/fixture.ts';
import { type Json, startTestServer, type TestServer } from '../helpers/server.ts';

const root = join(import.meta.dirname, '../..');
let server: TestServer;
beforeAll(async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'pez-drawing-'));
  cpSync(checkpointDir('sd15'), join(dataDir, 'models/checkpoints/tiny'), { recursive: true });
  server = await startTestServer({ dataDir });
});
afterAll(() => server.close());

const quick: Readonly<Record<string, object>> = {
  CheckpointLoaderSimple: { ckpt_name: 'tiny' },
  KSampler: { steps: 2 },
  PEZInvert: { length: 4, steps: 4, restarts: 2 },
  PEZRerank: { steps: 2, count: 2, seeds: 1 },
  PromptBlend: { length: 4, steps: 4, restarts: 2 },
};

test.each([
  ['text-to-image', 1],
  ['image-to-prompt-to-image', 1],
  ['image-to-best-prompt', 1],
  ['blend-to-image', 1],
  ['swap-to-images', 3],
])('%s saves %i picture(s)', async (name, count) => {
  const graph: Json = JSON.parse(readFileSync(join(root, `templates/api/${name}.json`), 'utf8'));
  expect(Object.values<Json>(graph).find((n) => n.class_type === 'CheckpointLoaderSimple').inputs).toEqual({
    ckpt_name: 'pico-diffusion',
  });
  for (const node of Object.values<Json>(graph)) Object.assign(node.inputs, quick[node.class_type]);
  const { history } = await server.run(graph);
  expect(history.status.status_str).toBe('success');
  const [save] = Object.entries<Json>(graph).find(([, node]) => node.class_type === 'SaveImage')!;
  expect(history.outputs[save].images).toHaveLength(count);
});

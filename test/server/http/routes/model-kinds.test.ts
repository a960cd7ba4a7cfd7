// What is in a file of weights is told wherever models are listed, as soon as its header has been read: drop-downs, lists, the page.
// (protocol: Models; Node descriptions)
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FileKind } from '../../../../server/files/file-kinds.ts';
import { startApp, type TestApp } from './app-harness.ts';

/** Reads what the test has written into the file. */
const readFileKind = async (path: string): Promise<FileKind> => {
  const { readFile } = await import('node:fs/promises');
  reads.push(path);
  const [kind, label, supported] = (await readFile(path, 'utf8')).split(',');
  if (!label) throw new Error(`${path} is damaged.`);
  return { kind, label, supported: supported === 'yes' };
};
const reads: string[] = [];

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ readFileKind });
  const folder = join(app.folders.models, 'checkpoints');
  const files = { xl: 'checkpoints,SD XL,yes', 'sub/flux': 'checkpoints,<Flux>,no', broken: '' };
  mkdirSync(join(folder, 'sub'), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.safetensors`), text);
});
afterAll(() => app.close());

const combo = async () => (await app.get('/object_info')).json().CheckpointLoaderSimple.input.required.ckpt_name;

/** Asks until the answer fits. */
async function until<T>(ask: () => Promise<T>, fits: (answer: T) => boolean): Promise<T> {
  for (let tries = 0; tries < 500; tries++) {
    const answer = await ask();
    if (fits(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('the answer did not come');
}

test('choices are plain names; the tooltip tells what is in the files', async () => {
  const [names, { tooltip }] = await until(combo, ([, options]) => options.tooltip.includes('xl.safetensors'));
  expect(names).toEqual(['pico-diffusion', 'broken.safetensors', 'sub/flux.safetensors', 'xl.safetensors']);
  expect(tooltip).toMatch(
    /^The checkpoint.*\. SD XL: xl\.safetensors\. Not supported: broken\.safetensors \(cannot be read\), sub\/flux\.safetensors \(<Flux>\)\.$/,
  );
});

test('the model browser has them, too', async () => {
  const [, broken, flux, xl] = await until(
    async () => (await app.get('/experiment/models/checkpoints')).json(),
    (entries) => entries.at(-1).label !== undefined,
  );
  expect(xl).toMatchObject({ name: 'xl.safetensors', kind: 'checkpoints', label: 'SD XL', supported: true });
  expect(flux).toMatchObject({ label: '<Flux>', supported: false });
  expect(broken).toMatchObject({ label: 'cannot be read', supported: false });
});

test('so has the page, as text', async () => {
  const { text } = await until(
    () => app.get('/'),
    (reply) => reply.text.includes('SD XL'),
  );
  expect(text).toContain('<code>sub/flux.safetensors</code> <small>not supported: &lt;Flux&gt;</small>');
});

test('a header is read once, and again when the file has changed', async () => {
  const path = join(app.folders.models, 'checkpoints/xl.safetensors');
  expect(reads.filter((read) => read === path)).toHaveLength(1);
  writeFileSync(path, 'checkpoints,SD 1.5 now,yes');
  await until(combo, ([, options]) => options.tooltip.includes('SD 1.5 now: xl.safetensors'));
  expect(reads.filter((read) => read === path)).toHaveLength(2);
});

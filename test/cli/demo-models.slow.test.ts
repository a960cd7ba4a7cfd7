// `pez-nodes demo` with models of one's own, by their names in a folder.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkpointDir } from '../diffusion/fixture.ts';
import { root, runCli, standin } from './run-cli.ts';

const models = mkdtempSync(join(tmpdir(), 'pez-demo-models-'));
afterAll(() => rmSync(models, { recursive: true }));

test('demo reads the picture with one and draws with the other', async () => {
  cpSync(standin, join(models, 'clip/tiny-clip'), { recursive: true });
  cpSync(checkpointDir('sd15'), join(models, 'checkpoints/SD 1/tiny'), { recursive: true });
  const named = ['--clip', 'tiny-clip', '--checkpoint', 'SD 1/tiny', '--size', '64', '--models-dir', models];
  const out = join(models, 'demo.png');
  const { code, stdout } = await runCli(['demo', join(root, 'examples/guitar.png'), ...named, '--out', out]);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/similarity of prompt and picture -?\d\.\d{3}/)]);
});

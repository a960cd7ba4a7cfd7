// A folder of 10,000 models: listed, looked up, and found changed.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOfferedModels } from '../../../server/files/offered-models.ts';
import { placesIn } from '../../helpers/model-places.ts';

const models = mkdtempSync(join(tmpdir(), 'pez-many-'));
afterAll(() => rmSync(models, { recursive: true }));

test('a folder of 10,000 files is listed, and one more is seen', () => {
  mkdirSync(join(models, 'loras'));
  for (let i = 0; i < 10_000; i++) writeFileSync(join(models, 'loras', `${i}.safetensors`), '');
  const offered = createOfferedModels({ places: placesIn(models), first: {}, bundled: {} });
  expect(offered.names('lora')).toHaveLength(10_000);
  expect(offered.locate('lora', '9999.safetensors')).toBe(join(models, 'loras/9999.safetensors'));
  writeFileSync(join(models, 'loras/more.safetensors'), '');
  expect(offered.names('lora')).toHaveLength(10_001);
});

// manifest.json says what this pack is: it must agree with package.json and with the files on disk.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string) => JSON.parse(readFileSync(join(root, file), 'utf8'));
const manifest = read('manifest.json');

interface ModelEntry {
  readonly name: string;
  readonly path: string;
  readonly files: Readonly<Record<string, { readonly sizeBytes: number; readonly sha256: string }>>;
}

test('name and version are those of the package', () => {
  const { name, version, description, license } = read('package.json');
  expect(manifest).toMatchObject({ name, version, description, license });
});

test('every folder in models/ is listed, with its card', () => {
  expect(manifest.models.map((m: ModelEntry) => m.path)).toEqual(
    readdirSync(join(root, 'models')).map((name) => `models/${name}`),
  );
  for (const { path } of manifest.models) expect(existsSync(join(root, path, 'README.md'))).toBe(true);
});

test.each<ModelEntry>(manifest.models)('the weights of $name are the ones that were measured', ({ path, files }) => {
  const onDisk = readdirSync(join(root, path), { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => /\.onnx(_data)?$/.test(name));
  expect(Object.keys(files).sort()).toEqual(onDisk.sort());
  for (const [file, { sizeBytes, sha256 }] of Object.entries(files)) {
    const bytes = readFileSync(join(root, path, file));
    expect([file, bytes.length, createHash('sha256').update(bytes).digest('hex')]).toEqual([file, sizeBytes, sha256]);
  }
});

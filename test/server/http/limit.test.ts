// How many pieces of work run at once, and that every route that decodes pictures waits for the same turns.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import sharp from 'sharp';
import { createDecoders, type PictureReader } from '../../../engine/image/decoders.ts';
import { prepareDataFolders } from '../../../server/files/data-folders.ts';
import { createUploadQuota } from '../../../server/files/upload-quota.ts';
import { limit } from '../../../server/http/limit.ts';
import { modelRoutes } from '../../../server/http/routes/models.ts';
import { uploadRoutes } from '../../../server/http/routes/upload.ts';
import { viewRoutes } from '../../../server/http/routes/view.ts';
import { modelsIn } from '../../helpers/model-places.ts';
import { multipart } from './routes/app-harness.ts';

/** Work that ends when it is told to. */
function makeWork() {
  const ends: (() => void)[] = [];
  const started: number[] = [];
  const work = (i: number) => () => {
    started.push(i);
    return new Promise<number>((resolve) => (ends[i] = () => resolve(i)));
  };
  return { work, started, end: (i: number) => ends[i]() };
}

test('no more than the limit runs at once, first come, first served', async () => {
  const { work, started, end } = makeWork();
  const run = limit(2);
  const results = [0, 1, 2, 3].map((i) => run(work(i)));
  expect(started).toEqual([0, 1]);
  end(1);
  await results[1];
  await Promise.resolve();
  expect(started).toEqual([0, 1, 2]);
  for (const i of [0, 2]) end(i);
  await Promise.all([results[0], results[2]]);
  end(3);
  expect(await Promise.all(results)).toEqual([0, 1, 2, 3]);
});

test('work that fails gives its turn to the next', async () => {
  const run = limit(1);
  const failed = run(async () => {
    throw new Error('no');
  });
  const next = run(async () => 'yes');
  await expect(failed).rejects.toThrow('no');
  expect(await next).toBe('yes');
  expect(await run(async () => 'again')).toBe('again');
});

test('/view, model previews and masks have their pictures decoded by the same processes', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'pez-limit-'));
  const folders = await prepareDataFolders(dir);
  let turns = 0;
  const decoders = createDecoders({ processes: 1 });
  const pictures: Pick<PictureReader, 'view' | 'withAlphaOf'> = {
    view(...args) {
      turns++;
      return decoders.view(...args);
    },
    withAlphaOf(...args) {
      turns++;
      return decoders.withAlphaOf(...args);
    },
  };
  const app = express().use(
    viewRoutes({ folders, pictures }),
    modelRoutes({ ...modelsIn(folders.models), pictures, packs: [] }),
    uploadRoutes({ folders, maxBytes: 2 ** 20, pictures, quota: createUploadQuota(folders, 2 ** 30) }),
  );
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const picture = await sharp({ create: { width: 2, height: 2, channels: 4, background: '#f00' } })
      .png()
      .toBuffer();
    writeFileSync(join(folders.output, 'a.png'), picture);
    writeFileSync(join(folders.models, 'clip/a.safetensors'), '');
    writeFileSync(join(folders.models, 'clip/a.png'), picture);
    const statusOf = async (path: string, init?: RequestInit) => (await fetch(`${base}${path}`, init)).status;

    expect([await statusOf('/view?filename=a.png'), turns]).toEqual([200, 0]);
    expect([await statusOf('/view?filename=a.png&preview=webp'), turns]).toEqual([200, 1]);
    expect([await statusOf('/experiment/models/preview/clip/0/a.safetensors'), turns]).toEqual([200, 2]);
    const { body, contentType } = multipart({
      image: { filename: 'mask.png', bytes: picture },
      original_ref: '{"filename":"a.png"}',
    });
    const mask = { method: 'POST', body: new Uint8Array(body), headers: { 'content-type': contentType } };
    expect([await statusOf('/upload/mask', mask), turns]).toEqual([200, 3]);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await decoders.close();
    rmSync(dir, { recursive: true });
  }
});

// The limit on work that runs at the same time, and that every route which decodes pictures keeps to it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import sharp from 'sharp';
import { prepareDataFolders } from '../../../server/files/data-folders.ts';
import { createLimiter, type Limiter } from '../../../server/http/limiter.ts';
import { modelRoutes } from '../../../server/http/routes/models.ts';
import { uploadRoutes } from '../../../server/http/routes/upload.ts';
import { viewRoutes } from '../../../server/http/routes/view.ts';

test('no more than the limit runs at once, in order, and a failure frees its place', async () => {
  const limit = createLimiter(2);
  const order: number[] = [];
  const ends: (() => void)[] = [];
  const work = [0, 1, 2, 3].map((i) =>
    limit(async () => {
      order.push(i);
      await new Promise<void>((resolve) => ends.push(resolve));
      if (i === 0) throw new Error('fails');
      return i;
    }),
  );
  expect(order).toEqual([0, 1]);
  ends[0]();
  await expect(work[0]).rejects.toThrow('fails');
  await new Promise(setImmediate);
  expect(order).toEqual([0, 1, 2]);
  ends[1]();
  await work[1];
  await new Promise(setImmediate);
  expect(order).toEqual([0, 1, 2, 3]);
  for (const end of ends) end();
  expect(await Promise.all(work.slice(1))).toEqual([1, 2, 3]);
});

test('/view, masks and previews of models decode pictures under the same limit', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'limit-'));
  const folders = await prepareDataFolders(dir);
  const picture = await sharp({ create: { width: 4, height: 4, channels: 4, background: 'red' } })
    .png()
    .toBuffer();
  await sharp(picture).toFile(join(folders.input, 'a.png'));
  await sharp(picture).toFile(join(folders.models, 'clip/m.png'));
  writeFileSync(join(folders.models, 'clip/m.onnx'), '');
  let limited = 0;
  const limit: Limiter = (work) => {
    limited++;
    return work();
  };
  const app = express()
    .use(viewRoutes({ folders, limit }))
    .use(modelRoutes({ folders, limit }))
    .use(uploadRoutes({ folders, limit, maxBytes: 1e6 }));
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const statuses: number[] = [];
  const counts: number[] = [];
  const note = async (response: Response) => {
    await response.arrayBuffer();
    statuses.push(response.status);
    counts.push(limited);
  };
  await note(await fetch(`${url}/view?filename=a.png&type=input`));
  await note(await fetch(`${url}/view?filename=a.png&type=input&preview=webp`));
  await note(await fetch(`${url}/experiment/models/preview/clip/0/m.onnx`));
  const form = new FormData();
  form.append('image', new File([new Uint8Array(picture)], 'mask.png'));
  form.append('original_ref', JSON.stringify({ filename: 'a.png', type: 'input' }));
  await note(await fetch(`${url}/upload/mask`, { method: 'POST', body: form }));
  expect(statuses).toEqual([200, 200, 200, 200]);
  expect(counts).toEqual([0, 1, 2, 3]);

  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(dir, { recursive: true });
});

// Pictures of strangers on a whole server: a drawing program in the guise of a picture, through every door that decodes.
import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { type HttpClient, httpClient } from '../../helpers/http.ts';
import { startTestServer, type TestServer } from '../../helpers/server.ts';
import { multipart } from '../http/routes/app-harness.ts';

/** Blur, turbulence of 1000 octaves and morphology on 121 megapixels: drawn, it takes minutes and gigabytes. */
const FILTER_SVG = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" width="11000" height="11000"><filter id="a" x="0" y="0" width="1" height="1">' +
    '<feTurbulence baseFrequency=".01" numOctaves="1000"/><feGaussianBlur stdDeviation="400"/>' +
    '<feMorphology operator="dilate" radius="300"/></filter><rect width="11000" height="11000" filter="url(#a)"/></svg>',
);
const NAMES = ['filter.svg', 'filter.png'];

let server: TestServer;
let http: HttpClient;
beforeAll(async () => {
  server = await startTestServer();
  http = httpClient(server.port);
  for (const name of NAMES) writeFileSync(join(server.dataDir, 'input', name), FILTER_SVG);
  const models = join(server.dataDir, 'models/clip');
  writeFileSync(join(models, 'a.safetensors'), '');
  writeFileSync(join(models, 'a.png'), FILTER_SVG);
});
afterAll(async () => {
  http.close();
  await server.close();
});

test.each(NAMES)('/view does not draw %s, and previews of others go on', async (name) => {
  const url = (filename: string) => `/view?filename=${filename}&type=input&preview=webp;90`;
  const attacks = [1, 2, 3].map(() => http.get(url(name)));
  expect((await http.get(url('tiger.png'))).status).toBe(200);
  for (const reply of await Promise.all(attacks)) {
    expect([reply.status, reply.json().error.type]).toEqual([400, 'IMAGE_UNREADABLE']);
    expect(reply.json().error.message).toMatch(
      new RegExp(`^${name} is not an image that can be read\\. Convert it to one of these: PNG, `),
    );
  }
  const stored = await http.get(`/view?filename=${name}&type=input`);
  expect(stored.body.equals(FILTER_SVG)).toBe(true); // sent as it is, it harms nobody here
});

test('covers of models and masks are not drawn either', async () => {
  expect((await http.get('/experiment/models/preview/clip/0/a.safetensors')).status).toBe(400);
  const upload = async (mask: Buffer, original: string) => {
    const original_ref = JSON.stringify({ filename: original, type: 'input' });
    const { body, contentType } = multipart({ image: { filename: 'mask.png', bytes: mask }, original_ref });
    return (await http.post('/upload/mask', body, { 'content-type': contentType })).status;
  };
  const mask = await sharp({ create: { width: 4, height: 4, channels: 4, background: '#f00' } })
    .png()
    .toBuffer();
  expect(await upload(FILTER_SVG, 'tiger.png')).toBe(400);
  expect(await upload(mask, 'filter.png')).toBe(400);
  expect(existsSync(join(server.dataDir, 'input/mask.png'))).toBe(false);
});

test.each(NAMES)('Load Image refuses %s while it runs, and the next prompt runs in the same worker', async (name) => {
  const graph = (image: string) => ({
    1: { class_type: 'LoadImage', inputs: { image } },
    2: { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
  });
  const before = server.workerPid;
  const [type, data] = (await server.run(graph(name))).history.status.messages.at(-1);
  expect([type, data.exception_type]).toEqual(['execution_error', 'IMAGE_UNREADABLE']);
  copyFileSync(join(server.dataDir, 'input/tiger.png'), join(server.dataDir, `input/fresh-${name}.png`));
  const ran = await server.run(graph(`fresh-${name}.png`));
  expect(ran.history.status.messages.at(-1)[0]).toBe('execution_success');
  expect(server.workerPid).toBe(before);
});

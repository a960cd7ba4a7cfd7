// What ComfyUI's front end asks for and looks at: the boot sequence, object_info, lists of jobs, pictures with their graph
// (protocol: Jobs; Node descriptions; Picture metadata; What clients rely on; View; Uploads; Masks; Logs and folders).
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { z } from 'zod';
import { type Json, startTestServer, type TestServer } from '../../helpers/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

describe('what the front end asks for when it starts', () => {
  const json = 'application/json';
  test.each([
    ['/api/features', 200, json],
    ['/api/users', 200, json],
    ['/api/system_stats', 200, json],
    ['/api/settings', 200, json],
    ['/api/userdata?dir=workflows&recurse=true&split=false&full_info=true', [200, 404], undefined],
    ['/api/i18n', 200, json],
    ['/api/userdata?dir=subgraphs&recurse=true&split=false&full_info=true', [200, 404], undefined],
    ['/api/extensions', 200, json],
    ['/api/global_subgraphs', 200, json],
    ['/api/userdata/comfy.templates.json', 404, undefined],
    ['/api/userdata/user.css', 404, undefined],
    ['/api/object_info', 200, json],
    ['/api/workflow_templates', 200, json],
    ['/templates/index.json', 200, json],
    ['/templates/index_logo.json', [200, 404], undefined],
    ['/api/jobs?status=in_progress,pending&limit=200&offset=0', 200, json],
    ['/api/jobs?status=completed,failed,cancelled&limit=64&offset=0', 200, json],
    ['/api/node_replacements', 200, json],
    ['/api/experiment/models', 200, json],
    ['/internal/logs/raw', 200, json],
  ])('%s', async (path, status, type) => {
    const response = await fetch(server.url + path, { headers: { 'Comfy-User': '' } });
    expect([status].flat()).toContain(response.status);
    if (type) {
      expect(response.headers.get('content-type')).toContain(type);
      await response.json();
    }
  });

  test('and what it sends: settings, a workflow that is saved under an encoded path', async () => {
    expect((await server.post('/api/settings/Comfy.InstalledVersion', '"1.49.0"')).status).toBe(200);
    expect(await server.get('/api/settings/Comfy.InstalledVersion')).toBe('1.49.0');
    const path = '/api/userdata/workflows%2Fa%20b.json';
    const saved = await server.post(`${path}?overwrite=false&full_info=true`, { nodes: [] });
    expect(saved).toEqual({ status: 200, body: expect.objectContaining({ path: 'workflows/a b.json', size: 12 }) });
    expect(await server.get(path)).toEqual({ nodes: [] });
    expect((await server.post(`${path}?overwrite=false`, {})).status).toBe(409);
  });
});

test('every route that a client may need is there, at its path and below /api', async () => {
  const routes = {
    GET: `/prompt /queue /history /history/x /object_info /object_info/x /system_stats /features /embeddings /extensions
      /models /models/loras /view?filename=x /users /settings /settings/x /userdata?dir=x /v2/userdata /userdata/x /i18n
      /workflow_templates /global_subgraphs /global_subgraphs/x /node_replacements /experiment/models
      /experiment/models/loras /view_metadata/loras?filename=x.safetensors /ws`,
    POST: `/prompt /queue /history /interrupt /free /upload/image /upload/mask /settings /settings/x /users /userdata/x
      /userdata/x/move/y`,
    DELETE: '/userdata/x',
  };
  const own: [string, string][] = [
    ...['/', '/api/jobs', '/api/jobs/x', '/internal/logs', '/internal/logs/raw', '/internal/folder_paths'].map(
      (path): [string, string] => ['GET', path],
    ),
    ['GET', '/internal/files/input'],
    ['POST', '/api/jobs/x/cancel'],
    ['POST', '/api/jobs/cancel'],
    ['PATCH', '/internal/logs/subscribe'],
  ];
  const doubled = Object.entries(routes).flatMap(([method, paths]) =>
    paths.split(/\s+/).flatMap((path): [string, string][] => [
      [method, path],
      [method, `/api${path}`],
    ]),
  );
  const missing: string[] = [];
  for (const [method, path] of [...own, ...doubled]) {
    const body = method === 'GET' || method === 'DELETE' ? undefined : '{}';
    const text = await (await fetch(server.url + path, { method, body })).text();
    if (/^40[45]: /.test(text)) missing.push(`${method} ${path}`);
  }
  expect(missing).toEqual([]);
  expect((await fetch(`${server.url}/ws`)).status).toBe(400);
});

describe('object_info of the nodes that are ComfyUI’s own', () => {
  let info: Json;
  beforeAll(async () => {
    info = await server.get('/object_info');
  });
  /** ComfyUI's sockets, names and defaults; tooltips and the like are left out. */
  const theirs: [name: string, required: Json, output: string[], more: Json][] = [
    [
      'LoadImage',
      { image: [expect.arrayContaining(['tiger.png']), { image_upload: true }] },
      ['IMAGE', 'MASK'],
      { category: 'image' },
    ],
    [
      'SaveImage',
      { images: ['IMAGE'], filename_prefix: ['STRING', { default: 'ComfyUI' }] },
      [],
      { output_node: true, category: 'image' },
    ],
    ['PreviewImage', { images: ['IMAGE'] }, [], { output_node: true, category: 'image' }],
    [
      'ImageScale',
      {
        image: ['IMAGE'],
        upscale_method: [['nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos']],
        width: ['INT', { default: 512, min: 0, max: 16384, step: 1 }],
        height: ['INT', { default: 512, min: 0, max: 16384, step: 1 }],
        crop: [['disabled', 'center']],
      },
      ['IMAGE'],
      { display_name: 'Upscale Image' },
    ],
    ['ImageBatch', { image1: ['IMAGE'], image2: ['IMAGE'] }, ['IMAGE'], { display_name: 'Batch Images' }],
    ['PreviewAny', { source: ['*'] }, ['STRING'], { output_node: true }],
    ['PrimitiveString', { value: ['STRING'] }, ['STRING'], { display_name: 'String' }],
    ['PrimitiveStringMultiline', { value: ['STRING', { multiline: true }] }, ['STRING'], {}],
    ['PrimitiveInt', { value: ['INT', { control_after_generate: true }] }, ['INT'], { display_name: 'Int' }],
    ['PrimitiveFloat', { value: ['FLOAT'] }, ['FLOAT'], { display_name: 'Float' }],
    ['PrimitiveBoolean', { value: ['BOOLEAN'] }, ['BOOLEAN'], { display_name: 'Boolean' }],
    ['CLIPLoader', { clip_name: [expect.arrayContaining(['pico-clip'])] }, ['CLIP'], { category: 'advanced/loaders' }],
  ];
  test.each(theirs)('%s', (name, required, output, more) => {
    const entry = info[name];
    expect(entry).toMatchObject({ name, output, output_name: output, is_input_list: false, ...more });
    expect(entry.output_node).toBe(more.output_node ?? false);
    expect(entry.input_order.required).toEqual(Object.keys(required));
    for (const [input, [type, options = {}]] of Object.entries<Json>(required)) {
      expect([input, entry.input.required[input][0]]).toEqual([input, type]);
      expect(entry.input.required[input][1]).toMatchObject(options);
    }
  });

  test('packs and our own nodes are told apart by python_module', () => {
    expect(info.SaveImage.python_module).toBe('nodes');
    expect(info.TestShow.python_module).toBe('custom_nodes.test-pack');
  });

  test('one class alone is the same entry', async () => {
    for (const name of ['PEZInvert', 'TestWidgets'])
      expect(await server.get(`/api/object_info/${name}`)).toEqual({ [name]: info[name] });
  });
});

/** The front end's own rules: one job that breaks them empties the whole list. */
const job = z.object({
  id: z.string(),
  status: z.enum(['pending', 'in_progress', 'completed', 'failed', 'cancelled']),
  create_time: z.number(),
  priority: z.number(),
  outputs_count: z.number().optional(),
  workflow_id: z.string().optional(),
  execution_start_time: z.number().optional(),
  execution_end_time: z.number().optional(),
  preview_output: z.looseObject({ nodeId: z.string(), mediaType: z.string() }).optional(),
  execution_error: z
    .looseObject({
      node_id: z.string(),
      node_type: z.string(),
      exception_message: z.string(),
      exception_type: z.string(),
      traceback: z.array(z.string()),
    })
    .optional(),
});
const jobs = z.object({
  jobs: z.array(job),
  pagination: z.object({ offset: z.number(), limit: z.number().nullable(), total: z.number(), has_more: z.boolean() }),
});

test('jobs of every status fit the front end’s rules, and show what they came to', async () => {
  const path = join(server.dataDir, 'jobs');
  const gate = (file: string) => ({
    1: { class_type: 'TestUntilFile', inputs: { path: file } },
    2: { class_type: 'TestSink', inputs: { value: ['1', 0] } },
  });
  const workflow = { extra_data: { extra_pnginfo: { workflow: { id: 'the-workflow' } } } };
  const image = {
    1: { class_type: 'LoadImage', inputs: { image: 'tiger.png' } },
    2: { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'jobs/x' } },
  };
  const completed = (await server.run(image, workflow)).promptId;
  // What real ComfyUI's list stumbles over.
  const nulls = (await server.run(image, { extra_data: { extra_pnginfo: null } })).promptId;
  const failed = (
    await server.run({
      1: { class_type: 'TestFail', inputs: {} },
      2: { class_type: 'TestSink', inputs: { value: ['1', 0] } },
    })
  ).promptId;
  const cancelled = await server.queue(gate(join(server.dataDir, 'never')));
  await server.running(cancelled);
  expect((await server.post(`/api/jobs/${cancelled}/cancel`)).body).toEqual({ cancelled: true });
  await server.ended(cancelled);
  const running = await server.queue(gate(path));
  await server.running(running);
  const waiting = await server.queue(gate(path));

  const list = jobs.parse(await server.get('/api/jobs'));
  expect(list.pagination).toEqual({ offset: 0, limit: null, total: 6, has_more: false });
  expect(list.jobs.map(({ id, status }) => [id, status])).toEqual([
    [waiting, 'pending'],
    [running, 'in_progress'],
    [cancelled, 'cancelled'],
    [failed, 'failed'],
    [nulls, 'completed'],
    [completed, 'completed'],
  ]);
  expect(list.jobs[5]).toMatchObject({
    workflow_id: 'the-workflow',
    outputs_count: 1,
    preview_output: { filename: 'x_00001_.png', subfolder: 'jobs', type: 'output', nodeId: '2', mediaType: 'images' },
  });
  expect(list.jobs[5].execution_end_time).toBeGreaterThanOrEqual(list.jobs[5].execution_start_time!);
  expect(list.jobs[3].execution_error).toMatchObject({ node_id: '1', node_type: 'TestFail' });

  const active = jobs.parse(await server.get('/api/jobs?status=in_progress,pending&limit=1&offset=0'));
  expect(active.pagination).toEqual({ offset: 0, limit: 1, total: 2, has_more: true });
  const own = jobs.parse(await server.get('/api/jobs?workflow_id=the-workflow'));
  expect(own.jobs.map(({ id }) => id)).toEqual([completed]);

  const detail = await server.get(`/api/jobs/${completed}`);
  job.parse(detail);
  expect(detail).toMatchObject({
    outputs: { 2: { images: [{ filename: 'x_00001_.png' }] } },
    execution_status: { status_str: 'success', completed: true },
    workflow: { prompt: image, extra_data: workflow.extra_data },
  });
  expect((await server.post('/api/jobs/cancel', { job_ids: [waiting] })).body).toEqual({ cancelled: true });
  writeFileSync(path, '');
  await server.ended(running);
});

test('a saved picture holds its prompt and its workflow as the front end reads them, and the same pixels', async () => {
  const workflow = { id: 'w', nodes: [], title: 'Grüße 🐯' };
  const prompt = {
    1: { class_type: 'LoadImage', inputs: { image: 'tiger.png' }, _meta: { title: 'Bild: Tiger 🐯' } },
    2: { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'meta/%width%x' } },
  };
  const { history } = await server.run(prompt, { extra_data: { extra_pnginfo: { workflow } } });
  const [file] = history.outputs['2'].images;
  const { width } = await sharp(join(server.dataDir, 'input/tiger.png')).metadata();
  expect(file).toEqual({ filename: `${width}x_00001_.png`, subfolder: 'meta', type: 'output' });
  const view = (more: string) => fetch(`${server.url}/api/view?${new URLSearchParams(file)}${more}`);
  const bytes = Buffer.from(await (await view('&rand=0.5')).arrayBuffer());
  const texts = textChunks(bytes);
  expect(Object.keys(texts)).toEqual(['prompt', 'workflow']);
  expect(JSON.parse(texts.prompt)).toEqual(prompt);
  expect(JSON.parse(texts.workflow)).toEqual(workflow);
  for (const text of Object.values(texts)) expect(text).toMatch(/^[\x20-\x7e]*$/);

  const pixels = (input: string | Buffer) => sharp(input).removeAlpha().raw().toBuffer();
  expect((await pixels(bytes)).equals(await pixels(join(server.dataDir, 'input/tiger.png')))).toBe(true);
  const preview = await view('&preview=webp;50');
  expect(preview.headers.get('content-type')).toBe('image/webp');
  expect((await sharp(Buffer.from(await preview.arrayBuffer())).metadata()).format).toBe('webp');
});

test('a picture is uploaded, its mask painted, and the graph that uses both runs at once', async () => {
  const upload = async (route: string, fields: Record<string, string>, bytes: Buffer, name: string): Promise<Json> => {
    const form = new FormData();
    form.append('image', new Blob([new Uint8Array(bytes)]), name);
    for (const [key, value] of Object.entries(fields)) form.append(key, value);
    const response = await fetch(`${server.url}/api/upload/${route}`, { method: 'POST', body: form });
    expect(response.status).toBe(200);
    return response.json();
  };
  const flat = (channels: 3 | 4, background: object) =>
    sharp({ create: { width: 16, height: 8, channels, background } })
      .png()
      .toBuffer();
  const picture = await flat(3, { r: 200, g: 100, b: 50 });
  const original = await upload('image', { subfolder: 'pasted', type: 'input' }, picture, 'new.png');
  expect(original).toEqual({ name: 'new.png', subfolder: 'pasted', type: 'input' });
  const painted = await flat(4, { r: 0, g: 0, b: 0, alpha: 0 });
  const original_ref = JSON.stringify({ filename: 'new.png', subfolder: 'pasted', type: 'input' });
  await upload('mask', { subfolder: 'clipspace', type: 'input', original_ref }, painted, 'masked.png');

  const { history } = await server.run({
    1: { class_type: 'LoadImage', inputs: { image: 'clipspace/masked.png [input]' } },
    2: { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'unmasked' } },
    3: { class_type: 'TestShow', inputs: { value: ['1', 1] } },
  });
  // All of it was painted over: the mask is 1, the colours are there.
  expect(new Set(Object.values(JSON.parse(history.outputs['3'].text[0]).data))).toEqual(new Set([1]));
  const saved = sharp(join(server.dataDir, 'output', history.outputs['2'].images[0].filename));
  expect([...(await saved.raw().toBuffer()).subarray(0, 3)]).toEqual([200, 100, 50]);

  // What was saved can be loaded again, by its annotated name.
  const again = await server.run({
    1: { class_type: 'LoadImage', inputs: { image: 'unmasked_00001_.png [output]' } },
    2: { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
  });
  expect(again.history.outputs['2'].images[0].type).toBe('temp');
});

test('who subscribes to the log, as text/plain, gets the lines of nodes while they run', async () => {
  const socket = await server.socket('log reader');
  const subscribe = (enabled: boolean) =>
    fetch(`${server.url}/internal/logs/subscribe`, {
      method: 'PATCH',
      headers: { 'content-type': 'text/plain;charset=UTF-8' },
      body: JSON.stringify({ clientId: 'log reader', enabled }),
    });
  expect((await subscribe(true)).status).toBe(200);
  await server.run({ 1: { class_type: 'TestPrint', inputs: { line: 'a line of a node' } } });
  let entry: Json;
  while (entry?.m !== 'a line of a node\n') [entry] = (await socket.nextOf('logs')).data.entries;
  expect(entry.t).toMatch(/^\d{4}-\d\d-\d\dT/);
  expect((await server.get('/internal/logs/raw')).entries).toContainEqual(entry);
  await subscribe(false);
  await socket.close();
});

/** tEXt chunks of a PNG: keyword → text. */
function textChunks(png: Buffer): Record<string, string> {
  const texts: Record<string, string> = {};
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    const data = png.subarray(at + 8, at + 8 + png.readUInt32BE(at));
    if (png.toString('latin1', at + 4, at + 8) !== 'tEXt') continue;
    const end = data.indexOf(0);
    texts[data.toString('latin1', 0, end)] = data.toString('latin1', end + 1);
  }
  return texts;
}

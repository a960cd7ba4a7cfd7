// Scripts in the manner of ComfyUI's published API examples (protocol: What clients rely on; Binary frames): a socket, POST /prompt, listen until
// `executing` null, read the history, fetch the files. All our templates run this way.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { WebSocket } from 'ws';
import { type Json, startTestServer, type TestServer } from '../helpers/server.ts';

const templates = join(import.meta.dirname, '../../templates/api');

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ previewMethod: 'auto' }); // this client does not ask for previews, and takes them
});
afterAll(() => server.close());

const opened = (ws: WebSocket) => new Promise((resolve) => ws.once('open', resolve));

async function queuePrompt(prompt: Json, client_id: string): Promise<string> {
  const response = await fetch(`${server.url}/prompt`, { method: 'POST', body: JSON.stringify({ prompt, client_id }) });
  return ((await response.json()) as Json).prompt_id;
}

/** What the example does: its loop knows nothing but `executing`, `node` and `prompt_id`. */
async function getOutputs(prompt: Json): Promise<Record<string, Json>> {
  const clientId = crypto.randomUUID();
  const ws = new WebSocket(`${server.url.replace('http', 'ws')}/ws?clientId=${clientId}`);
  await opened(ws);
  const promptId = await queuePrompt(prompt, clientId);
  await new Promise<void>((resolve) => {
    ws.on('message', (data: Buffer, isBinary) => {
      if (isBinary) return;
      const message = JSON.parse(data.toString());
      if (message.type !== 'executing') return;
      if (message.data.node === null && message.data.prompt_id === promptId) resolve();
    });
  });
  const history = (await server.get(`/history/${promptId}`))[promptId];
  ws.close();
  expect(history.status).toMatchObject({ status_str: 'success', completed: true });
  for (const { images = [] } of Object.values<Json>(history.outputs)) {
    for (const image of images) {
      const response = await fetch(`${server.url}/view?${new URLSearchParams(image)}`);
      image.bytes = Buffer.from(await response.arrayBuffer());
    }
  }
  return history.outputs;
}

/** Fewer steps, so that it is quick. */
function reduced(name: string): Json {
  const graph = JSON.parse(readFileSync(join(templates, name), 'utf8'));
  for (const { inputs } of Object.values<Json>(graph)) {
    if ('steps' in inputs) inputs.steps = 2;
    if ('restarts' in inputs) inputs.restarts = 1;
    if ('polish' in inputs) inputs.polish = 0;
  }
  return graph;
}

const shows = ({ output_node, has_intermediate_output }: Json) => output_node || has_intermediate_output;

test.each(readdirSync(templates))(
  'templates/api/%s runs, and every node that shows has something to show',
  async (name) => {
    const graph = reduced(name);
    const info = await server.get('/object_info');
    const outputs = await getOutputs(graph);
    const showing = Object.keys(graph).filter((id) => shows(info[graph[id].class_type]));
    expect(Object.keys(outputs).sort()).toEqual(showing.sort());
    for (const { text, images } of Object.values(outputs)) {
      if (text) expect(text.join('')).toMatch(/\S/);
      else expect((await sharp(images[0].bytes).metadata()).format).toBe('png');
    }
  },
);

test('the variant that takes pictures from the socket gets them by cutting 8 bytes off binary messages', async () => {
  const ws = new WebSocket(`${server.url.replace('http', 'ws')}/ws?clientId=images`);
  await opened(ws);
  const promptId = await queuePrompt({ 9: { class_type: 'TestPreview', inputs: { count: 1 } } }, 'images');
  const pictures: Record<string, Buffer[]> = {};
  let current = '';
  await new Promise<void>((resolve) => {
    ws.on('message', (data: Buffer, isBinary) => {
      if (isBinary) {
        if (data.readUInt32BE(0) === 1) (pictures[current] ??= []).push(data.subarray(8));
        return;
      }
      const { type, data: what } = JSON.parse(data.toString());
      if (type !== 'executing' || what.prompt_id !== promptId) return;
      if (what.node === null) resolve();
      else current = what.node;
    });
  });
  ws.close();
  expect(Object.keys(pictures)).toEqual(['9']);
  expect((await sharp(pictures['9'][0]).metadata()).format).toBe('jpeg');
});

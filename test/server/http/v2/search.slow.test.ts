// A search through API v2: its prompt is a text, its candidates are data. (protocol: Outputs of API v2)
import { startTestServer, type TestServer } from '../../../helpers/server.ts';
import { apiV2 } from './client.ts';

let server: TestServer;
let api: ReturnType<typeof apiV2>;
beforeAll(async () => {
  server = await startTestServer();
  api = apiV2(server.url);
});
afterAll(() => server.close());

test('what a node shows beside files and texts is one JSON file a list', async () => {
  const { body: submitted } = await api.submit({
    1: { class_type: 'LoadImage', inputs: { image: 'tiger.png' } },
    2: { class_type: 'CLIPLoader', inputs: { clip_name: 'pico-clip' } },
    3: {
      class_type: 'PEZInvert',
      inputs: { images: ['1', 0], clip: ['2', 0], preset: 'custom', length: 2, seed: 0, steps: 2, restarts: 2 },
    },
    4: { class_type: 'PreviewAny', inputs: { source: ['3', 0] } },
  });
  const { outputs } = await api.ended(submitted.id);
  const found = outputs.filter(({ node_id }: { node_id: string }) => node_id === '3');
  expect(found.map(({ name, type }: { name: string; type: string }) => [name, type])).toEqual(
    expect.arrayContaining([
      ['3_text_1.txt', 'text'],
      ['3_candidates.json', 'file'],
    ]),
  );
  const [text, candidates] = ['3_text_1.txt', '3_candidates.json'].map(
    (wanted) => found.find(({ name }: { name: string }) => name === wanted).url,
  );
  const prompt = await (await fetch(text)).text();
  expect(await (await fetch(candidates)).json()).toContainEqual({ prompt, similarity: expect.any(Number) });
});

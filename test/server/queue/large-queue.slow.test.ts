// GET /queue of more text than one string of JavaScript can hold (512 MiB): it is sent in pieces.
import { type QueueServer, startQueueServer } from '../../helpers/queue-server.ts';

const PROMPTS = 11;
const CHARACTERS = 50 * 2 ** 20;

let server: QueueServer;
afterEach(() => server.close());

test('a queue of 550 MiB is answered whole', async () => {
  server = await startQueueServer();
  const text = 'x'.repeat(CHARACTERS);
  // Put behind one that runs, past the limit of a request's body.
  await server.queue({ number: -1 });
  const running = await server.nextJob();
  for (let i = 0; i < PROMPTS; i++) {
    const prompt = { '1': { class_type: 'Show', inputs: { text } } };
    server.store.put({ promptId: `p${i}`, prompt, outputsToExecute: ['1'], extraData: {}, number: i, createTime: 0 });
  }
  const response = await server.fetch('/queue');
  expect(response.status).toBe(200);
  let bytes = 0;
  let end = '';
  for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += piece.length;
    end = (end + Buffer.from(piece.subarray(-20)).toString()).slice(-20);
  }
  expect(bytes).toBeGreaterThan(PROMPTS * CHARACTERS);
  expect(end).toMatch(/\["1"\]\]\]\}$/);
  expect((await server.post('/queue', { clear: true })).status).toBe(200);
  running.end();
}, 300_000);

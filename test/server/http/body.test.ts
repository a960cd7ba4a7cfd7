// Bodies of requests: their size, their values, and what all of them together hold in memory.
import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readJson } from '../../../server/http/body.ts';
import { HttpError } from '../../../server/http/http-error.ts';
import { startTestServer } from '../../helpers/server.ts';

const MIB = 2 ** 20;
const LIMIT = 30 * MIB;

let server: Server;
/** Bytes that the server has been sent so far, by the path of the request. */
const received = new Map<string, number>();
const arrived = () => [...received.values()].reduce((sum, bytes) => sum + bytes, 0);

beforeAll(async () => {
  server = createServer(async (req, res) => {
    const path = req.url ?? '';
    req.on('data', (piece: Buffer) => received.set(path, (received.get(path) ?? 0) + piece.length));
    try {
      const value = await readJson(req, LIMIT);
      res.end(JSON.stringify({ length: Array.isArray(value) ? value.length : null }));
    } catch (error) {
      res.writeHead(error instanceof HttpError ? error.status : 500).end((error as Error).message);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** A request whose body is sent piece by piece. */
function begin(path: string) {
  const { port } = server.address() as AddressInfo;
  const outgoing = httpRequest({ port, host: '127.0.0.1', method: 'POST', path, agent: false });
  const reply = new Promise<{ status: number; text: string }>((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', async (response) => {
      const pieces: Buffer[] = [];
      for await (const piece of response) pieces.push(piece);
      resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString() });
    });
  });
  return { outgoing, reply };
}

const until = async (isTrue: () => boolean) => {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
};
const spaces = (bytes: number) => Buffer.alloc(bytes, ' ');

test('bodies that are being received may not hold more than 64 MiB together; small ones are always read', async () => {
  const held = ['/a', '/b', '/c'].map(begin);
  const each = 21 * MIB;
  for (const { outgoing } of held) outgoing.write(spaces(each));
  await until(() => arrived() === 3 * each);

  const small = begin('/small');
  small.outgoing.end(`[1,2,3]${spaces(60_000)}`);
  expect(await small.reply).toEqual({ status: 200, text: '{"length":3}' });
  const large = begin('/large');
  large.outgoing.end(spaces(2 * MIB));
  expect(await large.reply).toEqual({
    status: 503,
    text: 'Other requests with large bodies are being received: try again in a moment.',
  });

  for (const { outgoing } of held) outgoing.end('[7]');
  for (const { reply } of held) expect((await reply).status).toBe(200);
  const later = begin('/later');
  later.outgoing.end(`[1]${spaces(2 * MIB)}`);
  expect((await later.reply).status).toBe(200);
});

test('a body that is cut off gives back what it held', async () => {
  received.clear();
  const held = ['/a', '/b', '/c'].map(begin);
  for (const { outgoing } of held) outgoing.write(spaces(21 * MIB));
  await until(() => arrived() === 63 * MIB);
  for (const { outgoing, reply } of held) {
    reply.catch(() => undefined);
    outgoing.destroy();
  }
  for (;;) {
    const large = begin('/large');
    large.outgoing.end(`[1]${spaces(2 * MIB)}`);
    if ((await large.reply).status === 200) break;
  }
});

test.each([
  ['empty lists', '[],'],
  ['empty objects', '{},'],
  ['NaN', 'NaN,'],
  ['numbers', '0,'],
])('a body that is nothing but %s is refused before it is parsed', async (_what, piece) => {
  const { outgoing, reply } = begin('/many');
  outgoing.end(`[${piece.repeat(Math.floor(8e6 / piece.length))}0]`);
  expect((await reply).text).toMatch(/^The body must be JSON: JSON holds (more than \d+ values|too many NaN)/);
});

test('prompts of more than 8 MiB are refused, unless --max-prompt-size allows them', async () => {
  const prompt = (bytes: number) => `{"prompt": {}, "filler": "${'x'.repeat(bytes)}"}`;
  const [usual, roomy] = await Promise.all([startTestServer(), startTestServer({ maxPromptBytes: 10 * MIB })]);
  try {
    const refused = await usual.post('/prompt', prompt(8 * MIB));
    expect([refused.status, refused.body.error.details]).toEqual([
      413,
      expect.stringMatching(/^Maximum request body size 8388608 exceeded, actual body size 83\d+$/),
    ]);
    expect((await usual.post('/prompt', prompt(8 * MIB - 100))).body.error.type).not.toBe('invalid_request');
    expect((await roomy.post('/prompt', prompt(8 * MIB))).body.error.type).not.toBe('invalid_request');
    expect((await roomy.post('/prompt', prompt(10 * MIB))).status).toBe(413);
  } finally {
    await usual.close();
    await roomy.close();
  }
});

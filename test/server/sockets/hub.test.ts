// The socket hub over real connections: who hears what, slow readers, limits, leaks.
// (protocol: Connecting; Addressing of events; Feature flags; Binary frames; Security)
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { WebSocket } from 'ws';
import type { ExecutionEvent, PreviewMessage } from '../../../schemas/events.ts';
import type { RequestCheck } from '../../../server/security.ts';
import { createSocketHub, type HubLimits, type SocketHub } from '../../../server/sockets/hub.ts';
import { type Received, refusal, type TestSocket, testSocket } from '../../helpers/socket.ts';

let hub: SocketHub;
let http: Server;
let base: string;
let port: number;
let warnings: string[];
let remaining: number;
let current: { client: string; node: string } | undefined;
const opened: TestSocket[] = [];

async function stop() {
  await hub?.close();
  http?.closeAllConnections();
  if (http?.listening) await new Promise((resolve) => http.close(resolve));
}

async function start(limits: Partial<HubLimits> = {}, check: RequestCheck = () => ({ ok: true })) {
  await stop();
  warnings = [];
  remaining = 0;
  current = undefined;
  hub = createSocketHub({
    queueRemaining: () => remaining,
    executingNode: (client) => (current?.client === client ? current.node : undefined),
    features: { supports_preview_metadata: true, max_upload_size: 5 },
    log: { warn: (message) => warnings.push(message) },
    limits: { statusIntervalMs: 3_600_000, ...limits },
  });
  http = createServer((_, response) => response.writeHead(404).end());
  hub.attach(http, check);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  port = (http.address() as AddressInfo).port;
  base = `ws://127.0.0.1:${port}`;
}

/** Connects and takes the first status. */
async function join(
  path = '/ws',
  { flags, localAddress }: { flags?: object; localAddress?: string } = {},
): Promise<TestSocket & { sid: string }> {
  const socket = testSocket(base + path, { localAddress });
  opened.push(socket);
  const first = await socket.nextOf('status');
  if (flags) {
    socket.ws.send(JSON.stringify({ type: 'feature_flags', data: flags }));
    await socket.nextOf('feature_flags');
  }
  return { ...socket, sid: first.data.sid };
}

const until = async (condition: () => boolean) => {
  const last = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > last) throw new Error(`never happened: ${condition}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
};

/** What a socket receives until a marker that is sent to all. */
async function receivedBy(socket: TestSocket): Promise<Received[]> {
  const got: Received[] = [];
  for (;;) {
    const message = await socket.next();
    if (!Buffer.isBuffer(message) && message.type === 'status') return got;
    got.push(message);
  }
}

beforeEach(() => start());
afterEach(async () => {
  for (const socket of opened.splice(0)) socket.ws.terminate();
  await stop();
});

const source = { node_id: 'é1', prompt_id: 'p', display_node_id: 'é1', parent_node_id: null, real_node_id: 'é1' };
const preview: PreviewMessage = {
  type: 'preview',
  data: { ...source, image_type: 'image/jpeg', bytes: new Uint8Array([7, 8, 9]) },
};
const error = { prompt_id: 'p', node_id: '1', node_type: 'A', executed: [], traceback: [], current_inputs: {} };
const events: Record<string, ExecutionEvent> = {
  execution_start: { type: 'execution_start', data: { prompt_id: 'p', timestamp: 1 } },
  execution_cached: { type: 'execution_cached', data: { nodes: [], prompt_id: 'p', timestamp: 1 } },
  executing: { type: 'executing', data: { node: '1', display_node: '1', prompt_id: 'p' } },
  'executing null': { type: 'executing', data: { node: null, prompt_id: 'p' } },
  progress: { type: 'progress', data: { value: 1, max: 2, prompt_id: 'p', node: '1' } },
  progress_state: { type: 'progress_state', data: { prompt_id: 'p', nodes: {} } },
  executed: { type: 'executed', data: { node: '1', display_node: '1', output: { text: ['é'] }, prompt_id: 'p' } },
  execution_success: { type: 'execution_success', data: { prompt_id: 'p', timestamp: 1 } },
  execution_error: {
    type: 'execution_error',
    data: { ...error, exception_message: 'm', exception_type: 'ValueError', current_outputs: [], timestamp: 1 },
  },
  'blocked execution_error': {
    type: 'execution_error',
    data: { ...error, exception_message: 'm', exception_type: 'ExecutionBlocked', current_outputs: [] },
  },
  execution_interrupted: {
    type: 'execution_interrupted',
    data: { prompt_id: 'p', node_id: '1', node_type: 'A', executed: [], timestamp: 1 },
  },
  preview,
  text: { type: 'text', data: { node_id: 'é1', prompt_id: 'p', text: 'so far: ü' } },
};
const toAll = ['progress', 'progress_state', 'blocked execution_error', 'execution_interrupted', 'preview', 'text'];

test('what is sent in one turn arrives as one piece, in order', async () => {
  const socket = connect(port, '127.0.0.1');
  const key = 'dGhlIHNhbXBsZSBub25jZQ==';
  socket.write(
    `GET /ws?clientId=raw HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  let heard = '';
  socket.on('data', (data) => {
    heard += data;
  });
  await until(() => heard.includes('"sid":"raw"'));
  const sent = ['execution_start', 'executing', 'executed', 'execution_success'];
  for (const name of sent) hub.emit('raw', events[name]);
  const [piece] = await once(socket, 'data');
  expect([...String(piece).matchAll(/"type":"(\w+)"/g)].map(([, type]) => type)).toEqual(sent);
  socket.destroy();
});

test('it knows who listens', async () => {
  expect(hub.hears('me')).toBe(false);
  const socket = await join('/ws?clientId=me');
  expect([hub.hears('me'), hub.hears('you')]).toEqual([true, false]);
  socket.ws.close();
  await until(() => !hub.hears('me'));
});

describe('connecting', () => {
  test('the first message is a status with the session id, which is the clientId of the query', async () => {
    remaining = 3;
    for (const path of ['/ws?clientId=a%20b', '/api/ws?clientId=a%20b']) {
      const socket = testSocket(base + path);
      opened.push(socket);
      const data = { status: { exec_info: { queue_remaining: 3 } }, sid: 'a b' };
      expect(await socket.next()).toEqual({ type: 'status', data });
    }
  });

  test.each(['/ws', '/ws?clientId='])('for %s the server makes an id of 32 hex characters', async (path) => {
    const [a, b] = [await join(path), await join(path)];
    expect(a.sid).toMatch(/^[0-9a-f]{32}$/);
    expect(b.sid).not.toBe(a.sid);
  });

  test('a client whose prompt runs is told the current node next, another one is not', async () => {
    current = { client: 'a', node: '12' };
    const a = await join('/ws?clientId=a');
    expect(await a.next()).toEqual({ type: 'executing', data: { node: '12' } });
    const b = await join('/ws?clientId=b');
    hub.status(1);
    expect(await receivedBy(b)).toEqual([]);
  });

  test('a new socket takes over an id; the old one stays open, and its end does not remove the new one', async () => {
    const old = await join('/ws?clientId=a');
    const now = await join('/ws?clientId=a');
    expect(old.ws.readyState).toBe(WebSocket.OPEN);
    await old.close();
    await until(() => hub.connections === 1);
    hub.emit('a', events.executing);
    expect(await now.next()).toMatchObject({ type: 'executing' });
    expect(old.waiting).toEqual([]);
  });

  test('everyone hears a status every so often', async () => {
    await start({ statusIntervalMs: 5 });
    remaining = 2;
    const socket = await join();
    const data = { status: { exec_info: { queue_remaining: 2 } } };
    for (let i = 0; i < 3; i++) expect(await socket.next()).toEqual({ type: 'status', data });
  });

  test('a queue that cannot be asked does not end connections', async () => {
    await hub.close();
    hub = createSocketHub({
      queueRemaining: () => {
        throw new Error('disk full');
      },
      executingNode: () => undefined,
      features: {},
      log: { warn: (message) => warnings.push(message) },
    });
    hub.attach(http, () => ({ ok: true }));
    expect((await join()).sid).toBeTruthy();
    expect(warnings).toEqual([expect.stringContaining('disk full')]);
  });
});

describe('the handshake', () => {
  test('feature_flags as first text message is answered with the flags of the server', async () => {
    const socket = await join();
    socket.ws.send(JSON.stringify({ type: 'feature_flags', data: { supports_preview_metadata: true } }));
    const data = { supports_preview_metadata: true, max_upload_size: 5 };
    expect(await socket.next()).toEqual({ type: 'feature_flags', data });
  });

  test.each(['no json {', '"text"', 'null', '{"type":"ping"}'])(
    'after %s as first message it is not answered',
    async (text) => {
      const socket = await join('/ws?clientId=a');
      const other = await join();
      socket.ws.send(text);
      socket.ws.send(JSON.stringify({ type: 'feature_flags', data: { supports_preview_metadata: true } }));
      // A ping answered proves that both messages were read.
      socket.ws.ping();
      await once(socket.ws, 'pong');
      hub.emit('a', preview);
      hub.status(0);
      const [frame, ...more] = await receivedBy(socket);
      expect((frame as Buffer).readUInt32BE()).toBe(1);
      expect(more).toEqual([]);
      expect(await receivedBy(other)).toEqual([]);
      expect(warnings.length).toBe(text.startsWith('no') ? 1 : 0);
    },
  );

  test('binary messages before it do not count', async () => {
    const socket = await join();
    socket.ws.send(Buffer.from('x'));
    socket.ws.send(JSON.stringify({ type: 'feature_flags' }));
    expect(await socket.next()).toMatchObject({ type: 'feature_flags' });
  });
});

describe('who gets what', () => {
  test.each(Object.entries(events))('%s of a prompt with a client goes to that client only', async (_, event) => {
    const [a, b] = [await join('/ws?clientId=a'), await join('/ws?clientId=b')];
    hub.emit('a', event);
    hub.emit('not connected', event);
    hub.emit('__proto__', event);
    hub.status(0);
    const got = await receivedBy(a);
    expect(got).toHaveLength(1);
    if (!Buffer.isBuffer(got[0])) expect(got[0]).toEqual({ type: event.type, data: event.data });
    expect(await receivedBy(b)).toEqual([]);
  });

  test.each(Object.entries(events))('%s of a prompt without a client', async (name, event) => {
    const sockets = [await join('/ws?clientId=a'), await join('/ws?clientId=b')];
    hub.emit(undefined, event);
    hub.status(0);
    for (const socket of sockets) expect(await receivedBy(socket)).toHaveLength(toAll.includes(name) ? 1 : 0);
  });

  test('status goes to all, without sid', async () => {
    const sockets = [await join(), await join()];
    hub.status(7);
    const message = { type: 'status', data: { status: { exec_info: { queue_remaining: 7 } } } };
    for (const socket of sockets) expect(await socket.next()).toEqual(message);
  });

  test('logs go to those who subscribed, until they unsubscribe', async () => {
    hub.subscribeLogs('a', true);
    const [a, b] = [await join('/ws?clientId=a'), await join('/ws?clientId=b')];
    hub.subscribeLogs('b', true);
    hub.subscribeLogs('b', false);
    const entries = [{ t: '2026-01-01T00:00:00Z', m: 'hello' }];
    hub.logs(entries, { cols: 80, rows: 24 });
    hub.logs(entries);
    hub.status(0);
    expect(await receivedBy(b)).toEqual([]);
    expect(await receivedBy(a)).toEqual([
      { type: 'logs', data: { entries, size: { cols: 80, rows: 24 } } },
      { type: 'logs', data: { entries, size: null } },
    ]);
  });

  test('numbers that JSON lacks and values that have no JSON do no harm', async () => {
    const a = await join('/ws?clientId=a');
    const circular: unknown[] = [];
    circular.push(circular);
    const output = (value: unknown): ExecutionEvent => ({
      type: 'executed',
      data: { node: '1', display_node: '1', output: { x: [value] }, prompt_id: 'p' },
    });
    for (const value of [Number.NaN, 2n ** 64n, circular]) hub.emit('a', output(value));
    hub.status(0);
    const got = (await receivedBy(a)) as { data: { output: { x: unknown[] } } }[];
    expect(got.map((m) => m.data.output.x[0])).toEqual([null, 2 ** 64]);
    expect(warnings).toEqual([expect.stringContaining('executed could not be sent')]);
  });
});

describe('binary frames', () => {
  test('a preview is frame 1, JPEG 1 or PNG 2, for clients that did not negotiate', async () => {
    const a = await join('/ws?clientId=a', { flags: { supports_preview_metadata: 'true' } });
    hub.emit('a', preview);
    hub.emit('a', { type: 'preview', data: { ...preview.data, image_type: 'image/png' } });
    expect(await a.next()).toEqual(Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 7, 8, 9]));
    expect(await a.next()).toEqual(Buffer.from([0, 0, 0, 1, 0, 0, 0, 2, 7, 8, 9]));
  });

  test('it is frame 4 with its source for those that did, never both', async () => {
    const a = await join('/ws?clientId=a', { flags: { supports_preview_metadata: true } });
    const b = await join('/ws?clientId=b');
    hub.emit(undefined, preview);
    hub.status(0);
    const [frame, ...more] = (await receivedBy(a)) as Buffer[];
    expect(more).toEqual([]);
    const length = frame.readUInt32BE(4);
    expect(frame.readUInt32BE()).toBe(4);
    expect(JSON.parse(frame.subarray(8, 8 + length).toString())).toEqual({ ...source, image_type: 'image/jpeg' });
    expect([...frame.subarray(8 + length)]).toEqual([7, 8, 9]);
    expect(((await receivedBy(b)) as Buffer[]).map((f) => f.readUInt32BE())).toEqual([1]);
  });

  test('text is frame 3 with the length of the node id in bytes', async () => {
    const a = await join('/ws?clientId=a');
    hub.emit('a', events.text);
    const frame = (await a.next()) as Buffer;
    expect([frame.readUInt32BE(), frame.readUInt32BE(4)]).toEqual([3, 3]);
    expect(frame.subarray(8).toString()).toBe('é1so far: ü');
  });
});

describe('refusals and limits', () => {
  test('what the check refuses gets 403, on both paths', async () => {
    await start({}, ({ headers }) =>
      headers.origin === 'null' ? { ok: false, status: 403, message: 'this origin may not' } : { ok: true },
    );
    for (const path of ['/ws', '/api/ws', '/other']) {
      expect(await refusal(base + path, { headers: { origin: 'null' } })).toEqual([403, 'this origin may not']);
    }
    await join();
  });

  test.each(['/', '/wss', '/ws/', '//ws', '/api/api/ws', '/%77s'])('an upgrade of %s gets 404', async (path) => {
    expect(await refusal(base + path)).toEqual([404, '404: Not Found']);
  });

  test('connections above the limit get 503 until one closes', async () => {
    await start({ maxSockets: 2 });
    const [a] = [await join(), await join()];
    expect((await refusal(`${base}/ws`))[0]).toBe(503);
    await a.close();
    await until(() => hub.connections === 1);
    await join();
  });

  // Linux has all of 127/8, so that a client can choose its address.
  (process.platform === 'linux' ? test : test.skip)('one address cannot take all connections', async () => {
    await start({ maxSockets: 3, maxSocketsPerAddress: 2 });
    const from = (localAddress: string) => ({ localAddress });
    const [a] = [await join('/ws', from('127.0.0.2')), await join('/ws', from('127.0.0.2'))];
    expect(await refusal(`${base}/ws`, from('127.0.0.2'))).toEqual([
      503,
      'too many connections from your address: close some, or try again later',
    ]);
    await a.close();
    await until(() => hub.connections === 1);
    await join('/ws', from('127.0.0.2'));
    await join('/ws', from('127.0.0.3'));
  });

  test('a message above the limit closes only its own connection, with 1009', async () => {
    await start({ maxMessageBytes: 1000 });
    const [a, b] = [await join(), await join()];
    a.ws.send('x'.repeat(1001));
    expect((await a.closed).code).toBe(1009);
    hub.status(0);
    await b.nextOf('status');
  });

  test('frames that break the WebSocket protocol end that connection and nothing else', async () => {
    const good = await join();
    const raw = await rawSocket();
    raw.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
    await once(raw.resume(), 'close');
    await until(() => hub.connections === 1);
    hub.status(0);
    await good.nextOf('status');
  });

  test('half an upgrade and an early end do no harm', async () => {
    for (const bytes of [
      'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
      'GET /ws HT',
    ]) {
      const raw = connect(port, '127.0.0.1');
      raw.end(bytes);
      raw.resume();
      await once(raw, 'close');
    }
    await join();
  });
});

/** A connection that has upgraded, read by no one. */
async function rawSocket(clientId = 'raw'): Promise<Socket> {
  const before = hub.connections;
  const raw = connect(port, '127.0.0.1');
  raw.on('error', () => {});
  raw.write(
    `GET /ws?clientId=${clientId} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await until(() => hub.connections === before + 1);
  return raw;
}

describe('clients that do not read', () => {
  const MIB = 2 ** 20;
  const large = (bytes: number): ExecutionEvent => ({
    type: 'preview',
    data: { ...preview.data, bytes: new Uint8Array(bytes) },
  });
  const result = (text: string): ExecutionEvent => ({
    type: 'executed',
    data: { node: '1', display_node: '1', output: { text: [text] }, prompt_id: 'p' },
  });

  test('previews and progress are left out, results are kept and arrive once the client reads again', async () => {
    await start({ skipAboveBytes: MIB, closeAboveBytes: 64 * MIB });
    const slow = await join('/ws?clientId=slow');
    slow.ws.pause();
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 400; i++) {
      hub.emit('slow', large(MIB));
      hub.emit('slow', result(String(i)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * MIB);
    slow.ws.resume();
    const texts: string[] = [];
    let previews = 0;
    while (texts.length < 400) {
      const message = await slow.next();
      if (Buffer.isBuffer(message)) previews++;
      else texts.push(message.data.output.text[0]);
    }
    expect(texts).toEqual(Array.from({ length: 400 }, (_, i) => String(i)));
    expect(previews).toBeLessThan(50);
    expect(warnings).toEqual([]);
  });

  test('one result larger than the bound costs a client that reads nothing', async () => {
    await start({ skipAboveBytes: MIB, closeAboveBytes: 4 * MIB });
    const reader = await join('/ws?clientId=reader');
    hub.emit('reader', result('x'.repeat(30 * MIB)));
    hub.emit('reader', result('next'));
    expect((await reader.nextOf('executed')).data.output.text[0].length).toBe(30 * MIB);
    expect((await reader.nextOf('executed')).data.output.text).toEqual(['next']);
    expect(warnings).toEqual([]);
  });

  test('when results pile up beyond the bound the connection is closed with 1013, and only that one', async () => {
    await start({ skipAboveBytes: MIB, closeAboveBytes: 4 * MIB });
    const slow = await join('/ws?clientId=slow');
    const other = await join('/ws?clientId=other');
    slow.ws.pause();
    const text = 'x'.repeat(MIB);
    for (let i = 0; i < 40 && warnings.length === 0; i++) {
      hub.emit('slow', result(text));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(warnings).toEqual([expect.stringMatching(/"slow" does not read/)]);
    slow.ws.resume();
    expect(await slow.closed).toEqual({ code: 1013, reason: expect.stringContaining('/history') });
    hub.emit('other', result('ok'));
    expect(await other.next()).toMatchObject({ type: 'executed' });
  });
});

describe('ends', () => {
  test('a client that answers no pings for long is ended, one that answers stays', async () => {
    await start({ pingIntervalMs: 10, goneAfterMs: 200 });
    const good = await join();
    const raw = await rawSocket();
    await once(raw.resume(), 'close');
    await until(() => hub.connections === 1);
    expect(warnings).toEqual([expect.stringContaining('"raw" has not been heard of')]);
    expect(good.ws.readyState).toBe(WebSocket.OPEN);
  });

  test('a jump of the clock ends nobody', async () => {
    await start({ pingIntervalMs: 10, goneAfterMs: 2_000 });
    const socket = await join();
    const { now } = Date;
    Date.now = () => now() + 86_400_000;
    try {
      for (let i = 0; i < 3; i++) await once(socket.ws, 'ping');
    } finally {
      Date.now = now;
    }
    expect([socket.ws.readyState, warnings]).toEqual([WebSocket.OPEN, []]);
  });

  test('close() ends every connection with 1001, also those that do not answer', async () => {
    await start({ closeWithinMs: 50 });
    const [a, raw] = [await join(), await rawSocket()];
    raw.resume();
    await hub.close();
    expect((await a.closed).code).toBe(1001);
    expect(hub.connections).toBe(0);
    expect(http.listenerCount('upgrade')).toBe(0);
    hub.emit(undefined, events.progress);
  });

  test('1,000 connections come and go and leave nothing behind', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const round = async (count: number) => {
      for (let i = 0; i < count; i += 50) {
        await Promise.all(
          Array.from({ length: 50 }, async (_, j) => {
            const socket = testSocket(`${base}/ws?clientId=c${i + j}`);
            await socket.next();
            hub.subscribeLogs(`c${i + j}`, true);
            if (j % 2) await socket.close();
            else socket.ws.terminate();
            await socket.closed;
          }),
        );
      }
      await until(() => hub.connections === 0);
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = await round(200);
    const after = await round(1000);
    expect(after - before).toBeLessThan(4 * 2 ** 20);
    const connections = await new Promise((resolve) => http.getConnections((_, count) => resolve(count)));
    expect(connections).toBe(0);
  });
});

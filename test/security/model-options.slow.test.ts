// Models that a server is started with, and --allow-hub, over real sockets.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageFile } from '../../engine/package-root.ts';
import { type Mirror, startMirror } from '../hub/hub-mirror.ts';
import { startHubServer } from './hub-server.ts';

const outside = mkdtempSync(join(tmpdir(), 'pez-outside-'));
/** A sound model beyond what the server offers by itself. */
const elsewhere = join(outside, 'clip');
cpSync(packageFile('models/pico-clip'), elsewhere, { recursive: true });

let hub: Mirror;
beforeAll(async () => {
  hub = await startMirror(new Map());
});
afterAll(async () => {
  await hub.close();
  rmSync(outside, { recursive: true });
});

const node = (class_type: string, inputs: object = {}) => ({ class_type, inputs });

test('a path given with --clip is offered and loaded; a hub id from a graph only with --allow-hub', async () => {
  const graph = (clip_name: string) => ({
    '1': node('CLIPLoader', { clip_name }),
    '2': node('TestSink', { value: ['1', 0] }),
  });
  const started = await startHubServer(hub, outside, { clip: elsewhere });
  try {
    expect((await started.run(graph(elsewhere))).status.status_str).toBe('success');
    expect((await started.post('/prompt', { prompt: graph('stranger/model') })).status).toBe(400);
    expect(hub.log).toEqual([]);
  } finally {
    await started.close();
  }
  const open = await startHubServer(hub, outside, { allowHub: true });
  try {
    const history = await open.run(graph('stranger/model'));
    expect(history.status.messages.at(-1)[1].exception_message).toMatch(/no model stranger\/model/);
    expect(hub.log).toContain('HEAD onnx/text_model.onnx'); // so the other tests would have seen it
    expect((await open.post('/prompt', { prompt: graph('/etc') })).status).toBe(400);
  } finally {
    await open.close();
  }
});

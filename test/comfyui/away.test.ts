// The pack for ComfyUI where its server is not there, is another program, or wants a token.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startTestServer } from '../helpers/server.ts';
import { describeWithPython, startPythonPack } from './python-pack.ts';

const swap = {
  class: 'TokenSwap',
  inputs: { clip: 'pico-clip', prompt: 'a cat', mode: 'word', from: 'cat', to: 'dog' },
};

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describeWithPython('the pack without its server', () => {
  test('nothing answers: the node says which command to run, and the name of the CLIP is a text field', async () => {
    const port = await freePort();
    const pack = await startPythonPack({ PEZ_NODES_URL: `http://127.0.0.1:${port}/` });
    try {
      const { TokenSwap } = await pack.ask('info');
      expect(TokenSwap.input.required.clip).toEqual(['STRING', expect.objectContaining({ default: 'pico-clip' })]);
      await expect(pack.run(swap)).rejects.toThrow(
        `No pez-nodes server answers at http://127.0.0.1:${port}. Start it in a terminal: npx pez-nodes serve --port ${port} `,
      );
    } finally {
      await pack.close();
    }
  });

  test('another program answers, such as ComfyUI itself', async () => {
    const other = createServer((_, response) => response.end('{"system": {"comfyui_version": "0.46.0"}}'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const pack = await startPythonPack({ PEZ_NODES_URL: `http://127.0.0.1:${(other.address() as AddressInfo).port}` });
    try {
      expect((await pack.ask('info')).TokenSwap.input.required.clip[0]).toBe('STRING');
      await expect(pack.run(swap)).rejects.toThrow(/is no pez-nodes server/);
    } finally {
      await pack.close();
      other.close();
    }
  });

  test('the server asks for a token', async () => {
    const token = 'a token of many characters';
    const server = await startTestServer({ token: token.replaceAll(' ', '-') });
    const without = await startPythonPack({ PEZ_NODES_URL: server.url });
    const pack = await startPythonPack({ PEZ_NODES_URL: server.url, PEZ_NODES_TOKEN: token.replaceAll(' ', '-') });
    try {
      await expect(without.run(swap)).rejects.toThrow(/asks for a token: set PEZ_NODES_TOKEN/);
      expect((await pack.ask('info')).TokenSwap.input.required.clip[0]).toEqual(['pico-clip']);
      expect((await pack.run(swap)).result[0]).toEqual(['a dog']);
    } finally {
      await Promise.all([without.close(), pack.close()]);
      await server.close();
    }
  });
});

// A client of any server that speaks ComfyUI's protocol: one kept connection for POST /prompt, and the socket that hears what came of it.
import { Agent, request } from 'node:http';
import { WebSocket } from 'ws';
import type { ApiGraph } from '../schemas/prompt.ts';

/** Two nodes, no model; each number gives a graph that no cache knows. */
export const trivialGraph = (number: number): ApiGraph => ({
  1: { class_type: 'PrimitiveString', inputs: { value: `text ${number}` } },
  2: { class_type: 'PreviewAny', inputs: { source: ['1', 0] } },
});

/** What a benchmark looks at in a message of the socket. */
export interface Heard {
  readonly type: string;
  readonly data: { readonly prompt_id?: string; readonly node?: string | null };
}

export interface PromptClient {
  readonly socket: WebSocket;
  /** Called with each text message. */
  onMessage: (message: Heard) => void;
  /** Queues `trivialGraph(number)`; resolves with the prompt's id. Rejects if it was refused. */
  post(number: number): Promise<string>;
  close(): void;
}

/** Connects the socket of `clientId`; at most `connections` requests are under way at once. */
export async function connectClient(url: string, clientId: string, connections = 1): Promise<PromptClient> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws?clientId=${clientId}`);
  const client: PromptClient = {
    socket,
    onMessage: () => undefined,
    post: async (number) => {
      const body = JSON.stringify({ prompt: trivialGraph(number), client_id: clientId });
      const { status, text } = await postText(`${url}/prompt`, body, agent);
      if (status !== 200) throw new Error(`${url} answers ${status}: ${text.slice(0, 500)}`);
      return (JSON.parse(text) as { prompt_id: string }).prompt_id;
    },
    close: () => {
      socket.close();
      agent.destroy();
    },
  };
  socket.on('message', (data, isBinary) => isBinary || client.onMessage(JSON.parse(data.toString())));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return client;
}

function postText(url: string, body: string, agent: Agent): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { method: 'POST', agent, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      answer.on('end', () => resolve({ status: answer.statusCode as number, text })).on('error', reject);
    });
    sent.on('error', reject).end(body);
  });
}

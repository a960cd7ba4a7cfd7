// Whatever goes wrong below /api/v2 is told in one form, and nothing of the inside with it. (protocol: Errors of API v2)
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { InputError } from '../../../../engine/errors.ts';
import { HttpError } from '../../../../server/http/http-error.ts';
import { mountRouters } from '../../../../server/http/middleware.ts';
import { createLog } from '../../../../server/log.ts';
import { StoreError } from '../../../../server/queue/store.ts';
import { apiV2 } from './client.ts';

const errors: Readonly<Record<string, unknown>> = {
  unforeseen: new Error('inner secret'),
  store: new StoreError('The disk is full: make room.'),
  disk: new InputError('FILE_UNWRITABLE', 'No room.'),
  taken: new InputError('FILE_UNWRITABLE', 'Taken.', { cause: Object.assign(new Error(), { code: 'EEXIST' }) }),
  cut: new HttpError(408, 'The request was cut off.'),
  busy: new HttpError(503, 'Other requests are being received.', {
    json: { error: 'Other requests are being received.' },
  }),
};

test.each([
  ['unforeseen', 500, 'internal_error', /log/],
  ['store', 503, 'unavailable', /disk is full/],
  ['disk', 507, 'insufficient_storage', /No room/],
  ['taken', 409, 'conflict', /Taken/],
  ['cut', 408, 'request_cut_off', /cut off/],
  ['busy', 503, 'unavailable', /being received/],
])('%s: %i %s', async (name, status, code, message) => {
  const logged: string[] = [];
  const router = express.Router().get('/api/v2/jobs/:name', (req) => {
    throw errors[req.params.name];
  });
  const log = createLog({ destination: { write: (line: string) => logged.push(line) } });
  const app = mountRouters({
    options: { listen: '127.0.0.1', allowedHosts: [] },
    log,
    routers: [],
    plainRouters: [router],
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const answer = await apiV2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`).get(`/jobs/${name}`);
    expect([answer.status, answer.body.error.code]).toEqual([status, code]);
    expect(answer.body.error.message).toMatch(message);
    expect(JSON.stringify(answer.body)).not.toContain('secret');
    expect(logged.length > 0).toBe(status >= 500);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

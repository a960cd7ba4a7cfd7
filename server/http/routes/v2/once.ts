// A request with an Idempotency-Key does its work once, however often it is sent (protocol: Idempotency keys).
import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';
import type { FoundKey, IdempotencyKeys, RequestKey } from '../../../queue/idempotency-keys.ts';
import { ApiError } from '../../envelope.ts';

const MAX_KEY_LENGTH = 255;
/** How long a key is remembered. */
export const KEY_LIFE_MS = 24 * 60 * 60 * 1000;

export interface Once {
  /**
   * Runs `work` unless another request with this key is being worked on. Throws ApiError: 400 for a key that is none, 409
   * idempotency_conflict, 422 idempotency_key_reuse if the key stood for another request.
   */
  run<T>(request: KeyedRequest, work: (keyed: Keyed | undefined) => Promise<T>): Promise<T>;
}

interface KeyedRequest {
  readonly req: Request;
  readonly scope: RequestKey['scope'];
  /** Of what is asked for: the same for the same request. */
  readonly fingerprint: string;
}

/** What is known of the key. */
export interface Keyed {
  readonly found: FoundKey | undefined;
  /** Writes down what is about to be made, before it is made. */
  record(made: { readonly subject: string; readonly answer: unknown }): void;
  settle(): void;
  forget(): void;
}

export const fingerprintOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The header of a response that was given before. */
export const markReplayed = (res: Response): void => void res.setHeader('Idempotency-Replayed', 'true');

export function createOnce(keys: IdempotencyKeys): Once {
  /** Key → fingerprint of the request that is being worked on. */
  const busy = new Map<string, string>();

  const keyed = (request: RequestKey, fingerprint: string): Keyed => {
    const found = keys.find(request, Date.now() - KEY_LIFE_MS);
    if (found && found.fingerprint !== fingerprint) throw keyReuse();
    return {
      found,
      record({ subject, answer }) {
        const createTime = Date.now();
        keys.sweep(createTime - KEY_LIFE_MS);
        keys.record(request, { fingerprint, subject, answer: JSON.stringify(answer), createTime });
      },
      settle: () => keys.settle(request),
      forget: () => keys.forget(request),
    };
  };

  return {
    async run({ req, scope, fingerprint }, work) {
      const key = keyOf(req);
      if (key === undefined) return work(undefined);
      const name = `${scope} ${key}`;
      const other = busy.get(name);
      if (other !== undefined && other !== fingerprint) throw keyReuse();
      if (other !== undefined) throw conflict();
      busy.set(name, fingerprint);
      try {
        return await work(keyed({ scope, key }, fingerprint));
      } finally {
        busy.delete(name);
      }
    },
  };
}

function keyOf(req: Request): string | undefined {
  const key = req.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && key !== '' && key.length <= MAX_KEY_LENGTH) return key;
  throw new ApiError('invalid_request', `Idempotency-Key must have 1 to ${MAX_KEY_LENGTH} characters.`);
}

const keyReuse = (): ApiError =>
  new ApiError('idempotency_key_reuse', 'This Idempotency-Key stood for another request: use a new one.');

const conflict = (): ApiError =>
  new ApiError('idempotency_conflict', 'A request with this Idempotency-Key is being worked on: try again.', {
    retryAfterSeconds: 1,
  });

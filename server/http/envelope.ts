// Errors below /api/v2 → the envelope that all of its clients read: { error: { code, message, details } } (protocol: Errors of API v2).
import type { Response } from 'express';
import { InputError } from '../../engine/errors.ts';
import { StoreError } from '../queue/store.ts';
import { HttpError } from './http-error.ts';
import { sendJson } from './responses.ts';

/** Codes of API v2, and their statuses. */
const STATUSES = {
  invalid_request: 400,
  not_found: 404,
  blob_not_found: 404,
  asset_in_use: 409,
  hash_mismatch: 409,
  idempotency_conflict: 409,
  idempotency_key_reuse: 422,
  invalid_workflow: 422,
  missing_asset: 422,
  workflow_format_ui: 422,
  queue_full: 429,
  too_many_streams: 429,
} as const;

interface ApiErrorOptions {
  readonly details?: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds?: number;
  /** Instead of the code's. */
  readonly status?: number;
}

/** A refusal with a code of API v2. */
export class ApiError extends HttpError {
  readonly code: keyof typeof STATUSES;
  readonly details: Readonly<Record<string, unknown>> | null;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: keyof typeof STATUSES,
    message: string,
    { details, retryAfterSeconds, status = STATUSES[code] }: ApiErrorOptions = {},
  ) {
    super(status, message);
    this.name = 'ApiError';
    this.code = code;
    this.details = details ?? null;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Whether a path is of API v2. ComfyUI's own /v2/userdata, which also answers below /api, is not. */
export const isApiV2 = (path: string): boolean => /^\/api\/v2(?:\/(?!userdata(?:\/|$))|$)/i.test(path);

/** Codes of errors that come from elsewhere, by their status. */
const CODES: Readonly<Record<number, string>> = {
  400: 'invalid_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_cut_off',
  409: 'conflict',
  413: 'payload_too_large',
  416: 'range_not_satisfiable',
  422: 'invalid_request',
  429: 'too_many_requests',
  503: 'unavailable',
  507: 'insufficient_storage',
};

const INTERNAL = 'The server got itself in trouble; its log says more.';

/** Sends any error as an envelope, and returns its status. `inputStatus`: of an InputError. */
export function sendEnvelope(res: Response, error: unknown, inputStatus: number | undefined): number {
  const { status, code, message, details } = describe(error, inputStatus);
  if (error instanceof ApiError && error.retryAfterSeconds !== undefined)
    res.setHeader('Retry-After', error.retryAfterSeconds);
  sendJson(res, { error: { code, message, details } }, status);
  return status;
}

function describe(error: unknown, inputStatus = 400) {
  const { message } = error as Error;
  if (error instanceof ApiError) return { status: error.status, code: error.code, message, details: error.details };
  if (error instanceof InputError)
    return { status: inputStatus, code: codeOf(inputStatus), message, details: { type: error.code } };
  if (error instanceof StoreError) return { status: 503, code: codeOf(503), message, details: null };
  // HttpError, and Express's own errors.
  const status: unknown = (error as { status?: unknown }).status;
  if (typeof status !== 'number' || status < 400 || (status >= 500 && !(error instanceof HttpError)))
    return { status: 500, code: 'internal_error', message: INTERNAL, details: null };
  return { status, code: codeOf(status), message: message || `HTTP ${status}`, details: null };
}

const codeOf = (status: number): string => CODES[status] ?? (status >= 500 ? 'internal_error' : 'invalid_request');

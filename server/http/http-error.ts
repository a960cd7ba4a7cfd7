// An answer that ends a request: a status and its text, as ComfyUI's clients read them (comfy-api.md 1.0.5).

/** Thrown by a route; the app answers `text/plain` (or JSON where `json` is given). */
export class HttpError extends Error {
  readonly status: number;
  readonly json: unknown;

  constructor(status: number, message = '', { json, cause }: { json?: unknown; cause?: unknown } = {}) {
    super(message, { cause });
    this.name = 'HttpError';
    this.status = status;
    this.json = json;
  }
}

/** 413 in the words that clients know. */
export const bodyTooLarge = (maxBytes: number, actualBytes: number): HttpError =>
  new HttpError(413, `Maximum request body size ${maxBytes} exceeded, actual body size ${actualBytes}`);

// An error that becomes the response of a request: a status and its text, as ComfyUI's clients read them (protocol: Every route).

/** Thrown by a route. The response is `text/plain`, or JSON if `json` is given. */
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

/** 413 with the text that clients know. */
export const bodyTooLarge = (maxBytes: number, actualBytes: number): HttpError =>
  new HttpError(413, `Maximum request body size ${maxBytes} exceeded, actual body size ${actualBytes}`);

/**
 * 408 for a body that ends before its announced length. Not 400: routes that forgive a bad body must not act on half of one.
 */
export const cutOff = (cause?: unknown): HttpError => new HttpError(408, 'The request was cut off.', { cause });

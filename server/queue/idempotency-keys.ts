// Requests that may be sent again: what a client's key stood for, so that a repeated request does nothing twice (protocol: Idempotency keys).

/** A key of a client. Keys of jobs and of assets are apart. */
export interface RequestKey {
  readonly scope: 'jobs' | 'assets';
  readonly key: string;
}

export interface KeyRecord {
  /** Of the request: another one must not use the key. */
  readonly fingerprint: string;
  /** Id of what the request makes. */
  readonly subject: string;
  /** The response, as JSON. */
  readonly answer: string;
}

export interface FoundKey extends KeyRecord {
  /** It was made; otherwise the server may have died in between. */
  readonly settled: boolean;
}

/** All methods are synchronous and throw StoreError. */
export interface IdempotencyKeys {
  /** The record, if it is not older than `since` (ms since 1970). */
  find(request: RequestKey, since: number): FoundKey | undefined;
  /** Writes down what is about to be made; an older record of the key goes. */
  record(request: RequestKey, record: KeyRecord & { readonly createTime: number }): void;
  /** What was written down has been made. */
  settle(request: RequestKey): void;
  /** It was not made, and will not be. */
  forget(request: RequestKey): void;
  /** Removes records that are older; returns how many. */
  sweep(before: number): number;
}

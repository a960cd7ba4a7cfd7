// Uploaded assets: which id stands for which bytes. The bytes are files; each content is kept once (protocol: Assets).

export interface AssetRecord {
  readonly id: string;
  /** BLAKE3 of the content, hexadecimal. */
  readonly hash: string;
  /** Name of the file that holds the content. */
  readonly file: string;
  readonly sizeBytes: number;
  /** As the client said. */
  readonly contentType: string;
  /** The name that the client gave. */
  readonly filePath: string;
  /** ms since 1970. */
  readonly createTime: number;
}

/** All methods are synchronous and throw StoreError. */
export interface AssetRecords {
  get(id: string): AssetRecord | undefined;
  /** The oldest asset of this content; with a name, the oldest that also has that name. */
  findByHash(hash: string, filePath?: string): AssetRecord | undefined;
  add(record: AssetRecord): void;
  /** Returns whether it was there. */
  remove(id: string): boolean;
}

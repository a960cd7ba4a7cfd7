// Who holds which results → how much memory the results of all prompts take, shared buffers counted once.
import { bytesOf, type Holding } from './holding.ts';

/** The ledger of an executor. */
export class MemoryLedger {
  /** What results may take. */
  readonly maxBytes: number;
  readonly #holders = new Map<Holding, number>();
  /** With the size that it had when it came: one that is transferred away has none left. */
  readonly #buffers = new Map<ArrayBufferLike, { holders: number; readonly bytes: number }>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get freeBytes(): number {
    return this.maxBytes - this.#bytes;
  }

  /** How much more would be taken if this were held as well. */
  newBytes({ buffers, otherBytes }: Holding): number {
    return bytesOf({ buffers: new Set([...buffers].filter((buffer) => !this.#buffers.has(buffer))), otherBytes });
  }

  /** One more holds it. */
  hold(holding: Holding): void {
    const holders = this.#holders.get(holding) ?? 0;
    this.#holders.set(holding, holders + 1);
    if (holders > 0) return;
    this.#bytes += holding.otherBytes;
    for (const buffer of holding.buffers) {
      const known = this.#buffers.get(buffer);
      if (known) known.holders++;
      else {
        this.#buffers.set(buffer, { holders: 1, bytes: buffer.byteLength });
        this.#bytes += buffer.byteLength;
      }
    }
  }

  /** One fewer holds it. */
  release(holding: Holding): void {
    const holders = this.#holders.get(holding);
    if (holders === undefined) return;
    if (holders > 1) {
      this.#holders.set(holding, holders - 1);
      return;
    }
    this.#holders.delete(holding);
    this.#bytes -= holding.otherBytes;
    for (const buffer of holding.buffers) {
      const known = this.#buffers.get(buffer)!;
      if (--known.holders > 0) continue;
      this.#buffers.delete(buffer);
      this.#bytes -= known.bytes;
    }
  }
}

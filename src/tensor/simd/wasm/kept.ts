/**
 * Data that kernels derive from constant arrays, kept from step to step: a fused model's filters, transformed or
 * packed. For ResNet-18 at batch 1 that saves a sixth of the time, most of it for moving 45 MB of weights into the
 * engine.
 *
 * It lies below a step's tensors, in blocks that are handed out when a step ends:
 *
 *   0       BASE   base                          top                            end
 *   │ zeros │ kept │ tensors of the current step │ free │ scratch of one kernel │
 *
 * So the first step asks, the second computes, and from the third on the data are there. When there is no room left and
 * some of it was not used in the last step (another model is at work), all of it is dropped.
 * Next: arena.ts, and `Call.derived` in engine.ts.
 */

/** A place for `bytes`; the address is 0 until the end of the step that asked for it. */
export interface Block {
  readonly bytes: number;
  address: number;
  /** Whether its contents have been computed. */
  filled: boolean;
}

export class Kept {
  /** By the constant's token (../memory.ts), then by the derived data's key. */
  #blocks = new WeakMap<object, Map<string, Block>>();
  #asked: Block[] = [];
  /** Bytes of all blocks, and of those that were looked up since the last step's end. */
  #bytes = 0;
  #used = new Set<Block>();
  #refused = false;

  /** The block for data that `key` says are derived from `constant`; undefined without room within `most` bytes. */
  find(constant: object, key: string, bytes: number, most: number): Block | undefined {
    const blocks = this.#blocks.get(constant) ?? new Map<string, Block>();
    this.#blocks.set(constant, blocks);
    let block = blocks.get(key);
    if (!block) {
      if (this.#bytes + bytes > most) {
        this.#refused = true;
        return undefined;
      }
      block = { bytes, address: 0, filled: false };
      blocks.set(key, block);
      this.#asked.push(block);
      this.#bytes += bytes;
    }
    this.#used.add(block);
    return block;
  }

  /**
   * At the end of a step: places the new blocks from `base` on, or drops all, down to `bottom`. Returns the new base.
   */
  settle(base: number, bottom: number): number {
    let used = 0;
    for (const { bytes } of this.#used) used += bytes;
    this.#used.clear();
    if (this.#refused && used < this.#bytes) {
      this.#blocks = new WeakMap();
      this.#asked = [];
      this.#bytes = 0;
      base = bottom;
    }
    this.#refused = false;
    for (const block of this.#asked.splice(0)) {
      block.address = base;
      base += block.bytes;
    }
    return base;
  }
}

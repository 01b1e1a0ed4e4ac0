/**
 * Blocks of memory that were given back, for the next arrays.
 *
 * An array gets the block of its size that was given back last, which is still in the cache: in a backward pass most gradients
 * follow another of that size. If there is none, it gets a part of the smallest run of neighbouring blocks in which it has
 * room: a network's images become smaller from layer to layer, and larger again on the way back.
 */

/** Bytes below which nothing is cut: to look for a place would cost more than new memory. */
const LEAST_CUT = 2 ** 16;

export class FreeBlocks {
  /** Addresses by size in bytes, newest last. */
  readonly #bySize = new Map<number, number[]>();
  /** Bytes of all blocks. */
  #bytes = 0;

  put(address: number, bytes: number): void {
    const addresses = this.#bySize.get(bytes);
    if (addresses) addresses.push(address);
    else this.#bySize.set(bytes, [address]);
    this.#bytes += bytes;
  }

  /** The address of a block of this size, which is then no longer free; undefined if there is none. */
  take(bytes: number): number | undefined {
    const address = this.#bySize.get(bytes)?.pop();
    if (address === undefined) return bytes >= LEAST_CUT && bytes <= this.#bytes ? this.#cut(bytes) : undefined;
    this.#bytes -= bytes;
    return address;
  }

  clear(): void {
    this.#bySize.clear();
    this.#bytes = 0;
  }

  /** Cuts the block out of a run of neighbours. The blocks that it does not reach stay as they are. */
  #cut(bytes: number): number | undefined {
    const blocks = [...this.#bySize].flatMap(([size, addresses]) => addresses.map((address) => ({ address, size })));
    blocks.sort((a, b) => a.address - b.address);
    let best: { first: number; last: number; size: number } | undefined;
    for (let first = 0; first < blocks.length; ) {
      let last = first;
      let size = blocks[first].size;
      while (blocks[last + 1]?.address === blocks[last].address + blocks[last].size) size += blocks[++last].size;
      if (size >= bytes && !(best && best.size <= size)) best = { first, last, size };
      first = last + 1;
    }
    if (!best) return undefined;
    const { address } = blocks[best.first];
    let taken = 0;
    for (let i = best.first; taken < bytes; i++) {
      this.#remove(blocks[i].address, blocks[i].size);
      taken += blocks[i].size;
    }
    if (taken > bytes) this.put(address + bytes, taken - bytes);
    return address;
  }

  #remove(address: number, bytes: number): void {
    const addresses = this.#bySize.get(bytes)!;
    addresses.splice(addresses.indexOf(address), 1);
    this.#bytes -= bytes;
  }
}

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
    const runs: { address: number; size: number }[] = [];
    for (const { address, size } of blocks) {
      const run = runs[runs.length - 1];
      if (run && run.address + run.size === address) run.size += size;
      else runs.push({ address, size });
    }
    const [best] = runs.filter(({ size }) => size >= bytes).sort((a, b) => a.size - b.size);
    if (!best) return undefined;
    const end = best.address + bytes;
    for (const { address, size } of blocks) {
      if (address < best.address || address >= end) continue;
      const addresses = this.#bySize.get(size)!;
      addresses.splice(addresses.indexOf(address), 1);
      this.#bytes -= size;
      if (address + size > end) this.put(end, address + size - end);
    }
    return best.address;
  }
}

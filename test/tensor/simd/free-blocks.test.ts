/** Blocks that were given back: of one size, cut out of neighbours, and never two arrays in one place. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { FreeBlocks } from "../../../src/tensor/simd/wasm/free-blocks.ts";

const PAGE = 65536;

it("the newest block of the size; else a part of the smallest run of neighbours that has room", () => {
  const free = new FreeBlocks();
  const put = (address: number, pages: number): void => free.put(PAGE * address, PAGE * pages);
  const take = (pages: number): number | undefined => {
    const address = free.take(PAGE * pages);
    return address === undefined ? undefined : address / PAGE;
  };
  put(0, 1);
  put(2, 1);
  expect([take(1), take(1), take(1)]).toEqual([2, 0, undefined]);
  // 0–4 and 16–19; three pages fit into the second one exactly.
  for (const [address, pages] of [
    [0, 2],
    [17, 2],
    [2, 2],
    [16, 1],
  ]) {
    put(address, pages);
  }
  expect(take(3)).toBe(16);
  expect(take(3)).toBe(0);
  expect(take(1)).toBe(3);
  expect(take(1)).toBe(undefined);
});

it("nothing is cut for a small array", () => {
  const free = new FreeBlocks();
  free.put(0, 2 * PAGE);
  expect(free.take(64)).toBe(undefined);
  expect(free.take(2 * PAGE)).toBe(0);
});

it("random arrays never overlap, and what is given back is there again", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 12 })), { maxLength: 60 }), (moves) => {
      const free = new FreeBlocks();
      free.put(0, 64 * PAGE);
      const live: [number, number][] = [];
      for (const [take, size] of moves) {
        if (!take && live.length > 0) free.put(...live.splice(size % live.length, 1)[0]);
        else {
          const address = free.take(PAGE * size);
          if (address !== undefined) live.push([address, PAGE * size]);
        }
        const sorted = [...live].sort((a, b) => a[0] - b[0]);
        for (const [i, [address, bytes]] of sorted.entries()) {
          expect(address + bytes).toBeLessThanOrEqual(sorted[i + 1]?.[0] ?? 64 * PAGE);
        }
      }
      for (const block of live) free.put(...block);
      expect(free.take(64 * PAGE)).toBe(0);
    }),
  );
});

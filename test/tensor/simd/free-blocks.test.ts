/** Blocks that were given back: of one size, cut out of neighbours, and never two arrays in one place. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { FreeBlocks } from "../../../src/tensor/simd/wasm/free-blocks.ts";

it("the newest block of the size; else a part of the smallest run of neighbours that has room", () => {
  const free = new FreeBlocks();
  free.put(0, 64);
  free.put(128, 64);
  expect([free.take(64), free.take(64), free.take(64)]).toEqual([128, 0, undefined]);
  // 0–256 and 1024–1216; 192 bytes fit into the second one exactly.
  for (const [address, bytes] of [
    [0, 128],
    [1088, 128],
    [128, 128],
    [1024, 64],
  ]) {
    free.put(address, bytes);
  }
  expect(free.take(192)).toBe(1024);
  expect(free.take(192)).toBe(0);
  expect(free.take(64)).toBe(192);
  expect(free.take(64)).toBe(undefined);
});

it("random arrays never overlap, and what is given back is there again", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 12 })), { maxLength: 60 }), (moves) => {
      const free = new FreeBlocks();
      free.put(0, 64 * 64);
      const live: [number, number][] = [];
      for (const [take, size] of moves) {
        if (!take && live.length > 0) free.put(...live.splice(size % live.length, 1)[0]);
        else {
          const address = free.take(64 * size);
          if (address !== undefined) live.push([address, 64 * size]);
        }
        const sorted = [...live].sort((a, b) => a[0] - b[0]);
        for (const [i, [address, bytes]] of sorted.entries()) {
          expect(address + bytes).toBeLessThanOrEqual(sorted[i + 1]?.[0] ?? 4096);
        }
      }
      for (const block of live) free.put(...block);
      expect(free.take(64 * 64)).toBe(0);
    }),
  );
});

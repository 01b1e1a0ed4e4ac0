/** How an image falls into Winograd tiles, and the tables and copies that follow from it. */

import { advance, copyRun, whileAtLeast } from "../loops.ts";
import { type Func, func, get, i32, type Local, set } from "../wasm/assembler.ts";
import type { Call, Engine } from "../wasm/engine.ts";
import type { Filtering2d } from "./winograd-kernel.ts";

export interface Tiling {
  /** Tiles of an image, and groups of four of them; the last group is filled up with the last tile. */
  readonly tiles: number;
  readonly groups: number;
  /** Width of the padded image, and the distance of its channels, in floats. */
  readonly inWidth: number;
  readonly inPlane: number;
  /** Size of the image that whole tiles make. */
  readonly outHeight: number;
  readonly outWidth: number;
  /** Whether that is the image itself. */
  readonly whole: boolean;
  /** Writes, for each tile, the offset of its first pixel in a padded channel and in a channel of the result. */
  write(engine: Engine, scope: Call, outRowFloats: number): { readonly input: number; readonly output: number };
}

export function tiling(Ho: number, Wo: number, { vertical, horizontal }: Filtering2d): Tiling {
  const tilesHigh = Math.ceil(Ho / vertical.m);
  const tilesWide = Math.ceil(Wo / horizontal.m);
  const tiles = tilesHigh * tilesWide;
  const groups = Math.ceil(tiles / 4);
  const [outHeight, outWidth] = [tilesHigh * vertical.m, tilesWide * horizontal.m];
  const inWidth = outWidth + 2;
  const lines = Math.ceil(((outHeight + 2) * inWidth) / 16);
  return {
    tiles,
    groups,
    inWidth,
    inPlane: (lines | 1) * 16,
    outHeight,
    outWidth,
    whole: outHeight === Ho && outWidth === Wo,
    write(engine, scope, outRowFloats) {
      const input = scope.scratch(4 * groups);
      const output = scope.scratch(4 * groups);
      const table = new Int32Array(engine.arena.memory.buffer);
      for (let i = 0; i < 4 * groups; i++) {
        const tile = Math.min(i, tiles - 1);
        const row = Math.floor(tile / tilesWide) * vertical.m;
        const column = (tile % tilesWide) * horizontal.m;
        table[input / 4 + i] = 4 * (row * inWidth + column);
        table[output / 4 + i] = 4 * (row * outRowFloats + column);
      }
      return { input, output };
    },
  };
}

/** How many of the nine taps of a result fall on pixels and not on padding, on average. */
export function meanTaps(Ho: number, Wo: number, H: number, W: number, top: number, left: number): number {
  /** Results with a tap on a pixel, for each of the three taps. */
  const along = (results: number, pixels: number, padding: number): number =>
    [0, 1, 2]
      .map((tap) => Math.max(0, Math.min(results, pixels + padding - tap) - Math.max(0, padding - tap)))
      .reduce((sum, count) => sum + count);
  return (along(Ho, H, top) / Ho) * (along(Wo, W, left) / Wo);
}

/** crop(source, target, planes, H, W, rowBytes, planeBytes): the upper left H × W of larger planes, one after another. */
export function cropFunction(): Func {
  return func("crop", ["i32", "i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [source, target, planes, H, W, rowBytes, planeBytes] = [0, 1, 2, 3, 4, 5, 6];
    const [h, row, from, count] = locals.many("i32", 4);
    const moveBy = (pointer: Local, bytes: Local) => set(pointer, get(pointer), get(bytes), i32.add);
    return whileAtLeast(
      planes,
      1,
      set(row, get(source)),
      set(h, get(H)),
      whileAtLeast(
        h,
        1,
        set(from, get(row)),
        set(count, get(W)),
        copyRun(target, from, count),
        moveBy(row, rowBytes),
        advance(h, -1),
      ),
      moveBy(source, planeBytes),
      advance(planes, -1),
    );
  });
}

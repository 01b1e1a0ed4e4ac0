/** How an image falls into Winograd tiles, and the tables that follow from it. */

import { arithmetic, grid, oddLines } from "../../geometry/patches.ts";
import type { Call, Engine } from "../wasm/engine.ts";
import { writeTable } from "./tables.ts";
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
  write(engine: Engine, call: Call, outRowFloats: number): { readonly input: number; readonly output: number };
}

export function tiling(Ho: number, Wo: number, { vertical, horizontal }: Filtering2d): Tiling {
  const tilesHigh = Math.ceil(Ho / vertical.m);
  const tilesWide = Math.ceil(Wo / horizontal.m);
  const tiles = tilesHigh * tilesWide;
  const groups = Math.ceil(tiles / 4);
  const [outHeight, outWidth] = [tilesHigh * vertical.m, tilesWide * horizontal.m];
  const inWidth = outWidth + 2;
  return {
    tiles,
    groups,
    inWidth,
    inPlane: oddLines((outHeight + 2) * inWidth),
    outHeight,
    outWidth,
    whole: outHeight === Ho && outWidth === Wo,
    write(engine, call, outRowFloats) {
      const rows = arithmetic(tilesHigh, vertical.m);
      const columns = arithmetic(tilesWide, horizontal.m);
      const write = (width: number): number =>
        writeTable(engine, call, grid(rows, columns, width), { length: 4 * groups });
      return { input: write(inWidth), output: write(outRowFloats) };
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

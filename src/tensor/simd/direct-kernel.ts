/**
 * Direct convolution's inner parts. The image stands in scratch pixel by pixel (NHWC), surrounded with zeros, so that
 * the numbers which one filter row sees lie in one run of kw·C; nothing is packed.
 *
 *                 8 filters, two vectors
 *                 ┌────────┬────────┐
 *   run of w ───▶ │  w0    │  w1    │      one (tap, channel) at a time
 *                 └────────┴────────┘
 *   pixel j   ●   ┌────────┬────────┐
 *   pixel j+1 ●   │ y[j,0] │ y[j,1] │      8 sums; ● = the channel's number at the tap, repeated four times. The four
 *   pixel j+2 ●   │  …     │  …     │      pixels are stride·C numbers apart, an immediate: programs are emitted for
 *   pixel j+3 ●   └────────┴────────┘      that distance.
 *
 * At the end the tile is transposed in registers and stored as NCHW.
 * Next: direct.ts.
 */
import {
  block,
  branch,
  branchIf,
  type Code,
  call,
  type Func,
  f32,
  func,
  get,
  i32,
  type Local,
  loop,
  set,
  tee,
  v128,
} from "./assembler.ts";
import type { Features } from "./features.ts";
import { multiplyAdd, TILE_COLUMNS } from "./gemm.ts";
import { advance, whileAtLeast } from "./loops.ts";
import { transpose4 } from "./pack.ts";

/** Neighbouring pixels of a tile. */
export const TILE_PIXELS = 4;

const moveBy = (pointer: Local, bytes: Local): Code => set(pointer, get(pointer), get(bytes), i32.add);

/**
 * pixels(x, w, runs, runCount, runLength, y, planeBytes): four pixels of eight channels of y, planeBytes apart.
 * The table `runs` says where, relative to x, the runs begin; w has the eight filters' numbers in the same order.
 */
export function pixelsFunction(features: Features, pixelBytes: number): Func {
  return func("pixels", ["i32", "i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [x, w, runs, runCount, runLength, y, planeBytes] = [0, 1, 2, 3, 4, 5, 6];
    const [from, k] = locals.many("i32", 2);
    const sums = locals.many("v128", 2 * TILE_PIXELS);
    const [w0, w1, splat, spare] = locals.many("v128", 4);
    const unroll = 8;
    const step = (i: number): Code => [
      set(w0, get(w), v128.load(32 * i)),
      set(w1, get(w), v128.load(32 * i + 16)),
      Array.from({ length: TILE_PIXELS }, (_, p) => [
        set(splat, get(from), v128.load32Splat(pixelBytes * p + 4 * i)),
        multiplyAdd(sums[p], splat, w0, features),
        multiplyAdd(sums[TILE_PIXELS + p], splat, w1, features),
      ]),
      // A branch in every step, as in gemm.ts.
      tee(k, get(k), i32.const(1), i32.sub),
      i32.eqz,
      branchIf(1),
    ];
    const store = (half: readonly Local[]): Code => [
      transpose4(half, [w0, w1, splat, spare]),
      half.map((row) => [get(y), get(row), v128.store(), moveBy(y, planeBytes)]),
    ];
    return [
      whileAtLeast(
        runCount,
        1,
        set(from, get(x), get(runs), i32.load(), i32.add),
        set(k, get(runLength)),
        block(
          loop(
            Array.from({ length: unroll }, (_, i) => step(i)),
            advance(from, 4 * unroll),
            advance(w, 4 * TILE_COLUMNS * unroll),
            branch(0),
          ),
        ),
        // The loop left w at its last eight steps' beginning: go to the run's end, a whole run of w after its start.
        set(w, get(w), lastSteps(runLength, unroll), i32.const(4 * TILE_COLUMNS), i32.mul, i32.add),
        advance(runs, 4),
        advance(runCount, -1),
      ),
      store(sums.slice(0, TILE_PIXELS)),
      store(sums.slice(TILE_PIXELS)),
    ];
  });
}

/** How many steps the loop's last passage did: 1 … unroll (a power of two). */
function lastSteps(length: Local, unroll: number): Code {
  return [get(length), i32.const(1), i32.sub, i32.const(unroll - 1), i32.and, i32.const(1), i32.add];
}

/**
 * rows(x, w, runs, runCount, runLength, y, planeBytes, height, tiles, tail, xRowBytes, yRowBytes): all pixels of eight
 * channels, row by row, by calling function 0. A row has `tiles` tiles side by side; where its width is not a multiple
 * of four, `tail` < 0 is how far (in pixels) the last tile stands back over the one before it.
 */
export function rowsFunction(pixelBytes: number): Func {
  return func(
    "rows",
    Array.from({ length: 12 }, () => "i32" as const),
    (locals) => {
      const [x, w, runs, runCount, runLength, y, planeBytes, height, tiles, tail, xRowBytes, yRowBytes] = [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
      ];
      const [tile, from, to] = locals.many("i32", 3);
      return whileAtLeast(
        height,
        1,
        set(tile, get(tiles)),
        set(from, get(x)),
        set(to, get(y)),
        whileAtLeast(
          tile,
          1,
          // The last tile of the row stands back.
          block(
            [get(tile), i32.const(1), i32.sub, branchIf(0)],
            set(from, get(from), get(tail), i32.const(pixelBytes), i32.mul, i32.add),
            set(to, get(to), get(tail), i32.const(4), i32.mul, i32.add),
          ),
          [get(from), get(w), get(runs), get(runCount), get(runLength), get(to), get(planeBytes), call(0)],
          advance(from, TILE_PIXELS * pixelBytes),
          advance(to, 4 * TILE_PIXELS),
          advance(tile, -1),
        ),
        moveBy(x, xRowBytes),
        moveBy(y, yRowBytes),
        advance(height, -1),
      );
    },
  );
}

/**
 * toPixels(source, target, C, H, W, planeBytes, rowBytes): an image `[C, H, W]` → pixels of C numbers, rows of pixels
 * rowBytes apart. Four channels of four pixels at a time.
 */
export function toPixelsFunction(channels: number): Func {
  return func("toPixels", ["i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [source, target, H, W, planeBytes, rowBytes] = [0, 1, 2, 3, 4, 5];
    const [c, h, j, from, to, plane, place] = locals.many("i32", 7);
    const planes = locals.many("i32", 4);
    const values = locals.many("v128", 4);
    const halves = locals.many("v128", 4);
    const pixel = 4 * channels;
    const single = (count: number): Code =>
      planes.slice(0, count).map((p, i) => [get(to), get(p), f32.load(), f32.store(4 * i)]);
    const step = (pixels: number): Code => [
      planes.map((p) => advance(p, 4 * pixels)),
      advance(to, pixel * pixels),
      advance(j, -pixels),
    ];
    /** One row of `count` ≤ 4 channels from `from` on. */
    const row = (count: number): Code => [
      planes.map((p, i) =>
        set(p, i === 0 ? get(from) : [get(planes[i - 1]), i < count ? get(planeBytes) : i32.const(0), i32.add]),
      ),
      set(j, get(W)),
      count === 4
        ? whileAtLeast(
            j,
            4,
            values.map((value, i) => set(value, get(planes[i]), v128.load())),
            transpose4(values, halves),
            values.map((value, i) => [get(to), get(value), v128.store(pixel * i)]),
            step(4),
          )
        : [],
      whileAtLeast(j, 1, single(count), step(1)),
    ];
    const channelsFrom = (count: number): Code => [
      set(from, get(plane)),
      set(h, get(H)),
      set(to, get(place)),
      whileAtLeast(
        h,
        1,
        row(count),
        // `from` goes to the next row of the image, `to` to the next row of pixels.
        set(from, get(from), get(W), i32.const(4), i32.mul, i32.add),
        set(to, get(to), get(W), i32.const(-pixel), i32.mul, i32.add, get(rowBytes), i32.add),
        advance(h, -1),
      ),
      set(plane, get(plane), get(planeBytes), i32.const(count), i32.mul, i32.add),
      advance(place, 4 * count),
    ];
    return [
      set(plane, get(source)),
      set(place, get(target)),
      set(c, i32.const(Math.floor(channels / 4))),
      whileAtLeast(c, 1, channelsFrom(4), advance(c, -1)),
      channels % 4 > 0 ? channelsFrom(channels % 4) : [],
    ];
  });
}

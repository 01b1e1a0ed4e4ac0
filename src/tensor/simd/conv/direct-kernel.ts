/**
 * Direct convolution's inner parts. The image stands in scratch pixel by pixel (NHWC), with zeros around. So the numbers
 * that one filter row sees are one run of kw·C, and nothing is packed.
 *
 *                 8 filters, two vectors
 *                 ┌────────┬────────┐
 *   run of w ───▶ │  w0    │  w1    │      one (tap, channel) at a time
 *                 └────────┴────────┘
 *   pixel j   ●   ┌────────┬────────┐
 *   pixel j+1 ●   │ y[j,0] │ y[j,1] │      8 sums, 12 with multiply-add; ● = the channel's number at the tap, repeated
 *   pixel j+2 ●   │  …     │  …     │      four times. Each pixel has a pointer, which comes from a table: a tile may go
 *   pixel j+3 ●   └────────┴────────┘      over the end of a row of results.
 *
 * At the end the tile is transposed in registers and stored as NCHW.
 * Next: direct.ts.
 */

import { advance, countDown, step, whileAtLeast } from "../loops.ts";
import { multiplyAdd, steps, TILE_COLUMNS, tileRows } from "../matmul-kernel.ts";
import { transpose4 } from "../pack.ts";
import {
  type Code,
  callFunction,
  type Func,
  f32,
  func,
  get,
  i32,
  type Local,
  set,
  shuffle32,
  v128,
  when,
} from "../wasm/assembler.ts";
import type { Features } from "../wasm/features.ts";

/**
 * tile(x, w, runs, runCount, runLength, y, planeBytes, pixels): a tile of eight channels of y, planeBytes apart. The table
 * `pixels` has the places of the tile's pixels, counted from x; the table `runs` has the beginnings of the runs, counted from
 * a pixel. w has the numbers of the eight filters in the order of the runs.
 */
function tileFunction(features: Features): Func {
  return func("tile", Array<"i32">(8).fill("i32"), (locals) => {
    const [x, w, runs, runCount, runLength, y, planeBytes, pixels] = [0, 1, 2, 3, 4, 5, 6, 7];
    const [from, k] = locals.many("i32", 2);
    const count = tileRows(features);
    const pointers = locals.many("i32", count);
    const sums = locals.many("v128", 2 * count);
    const [w0, w1, splat, spare] = locals.many("v128", 4);
    const oneStep = (i: number): Code => [
      set(w0, get(w), v128.load(32 * i)),
      set(w1, get(w), v128.load(32 * i + 16)),
      pointers.map((pointer, p) => [
        set(splat, get(pointer), v128.load32Splat(4 * i)),
        multiplyAdd(sums[p], splat, w0, features),
        multiplyAdd(sums[count + p], splat, w1, features),
      ]),
    ];
    const advanceBy = (n: number): Code => [pointers.map((pointer) => advance(pointer, 4 * n)), advance(w, 32 * n)];
    /** Four channels: the first four pixels as vectors, two more as halves. */
    const store = (half: readonly Local[]): Code => [
      transpose4(half.slice(0, 4), [w0, w1, splat, spare]),
      count > 4
        ? [
            set(w0, get(half[4]), get(half[5]), shuffle32(0, 4, 1, 5)),
            set(w1, get(half[4]), get(half[5]), shuffle32(2, 6, 3, 7)),
          ]
        : [],
      [0, 1, 2, 3].map((channel) => [
        [get(y), get(half[channel]), v128.store()],
        count > 4 ? [get(y), get(channel < 2 ? w0 : w1), v128.store64Lane(channel % 2 === 0 ? 0 : 1, 16)] : [],
        step(y, planeBytes),
      ]),
    ];
    return [
      countDown(
        runCount,
        1,
        set(from, get(x), get(runs), i32.load(), i32.add),
        pointers.map((pointer, p) => set(pointer, get(from), get(pixels), i32.load(4 * p), i32.add)),
        set(k, get(runLength)),
        steps(k, locals, oneStep, advanceBy),
        set(w, get(w), get(k), i32.const(4 * TILE_COLUMNS), i32.mul, i32.add),
        advance(runs, 4),
      ),
      store(sums.slice(0, count)),
      store(sums.slice(count)),
    ];
  });
}

/**
 * tiles(x, w, runs, runCount, runLength, y, planeBytes, pixels, count): all `count` pixels of eight channels. The last tile
 * overlaps the one before it.
 */
function tilesFunction(features: Features): Func {
  const size = tileRows(features);
  return func("tiles", Array<"i32">(9).fill("i32"), () => {
    const [y, pixels, count] = [5, 7, 8];
    return whileAtLeast(
      count,
      1,
      [get(count), i32.const(size), i32.lessSigned],
      when(
        [y, pixels].map((p) => set(p, get(p), get(count), i32.const(size), i32.sub, i32.const(4), i32.mul, i32.add)),
      ),
      [0, 1, 2, 3, 4, 5, 6, 7].map((parameter) => get(parameter)),
      callFunction(0),
      [y, pixels].map((p) => advance(p, 4 * size)),
      advance(count, -size),
    );
  });
}

/** The two, `tile` as number 0. */
export function directTiles(features: Features): Func[] {
  return [tileFunction(features), tilesFunction(features)];
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
    const skip = (pixels: number): Code => [
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
            skip(4),
          )
        : [],
      whileAtLeast(j, 1, single(count), skip(1)),
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

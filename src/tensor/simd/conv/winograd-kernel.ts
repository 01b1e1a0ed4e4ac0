/**
 * Winograd's transforms as code, four of them at a time: a lane of a vector is a tile, or a channel.
 *
 *   four pointers ──loads, 4×4 transposes──▶ one vector per pixel, lane = tile
 *     rows:    d·B    horizontally, into `work` (36 vectors, stays in L1)
 *     columns: Bᵀ·…   vertically, to 36 planes, one for each pair of points
 *
 * The planes are `planeBytes` apart, an odd number of cache lines: else the 36 stores meet in one set of the cache (3.0 ms
 * instead of 1.6). Distances are immediates, so each shape has a program of its own.
 * Next: winograd.ts (forward, input gradient), winograd-weights.ts.
 */

import { advance, step, whileAtLeast } from "../loops.ts";
import { transpose4 } from "../pack.ts";
import {
  type Code,
  type Func,
  f32,
  f32x4,
  func,
  get,
  i32,
  type Local,
  type Locals,
  set,
  shuffle32,
  v128,
} from "../wasm/assembler.ts";
import type { Features } from "../wasm/features.ts";
import { Constants, type Filtering, type Matrix, multiplyColumns, multiplyRows } from "./winograd-points.ts";

/** Vertical and horizontal filtering. */
export interface Filtering2d {
  readonly vertical: Filtering;
  readonly horizontal: Filtering;
}

/** Vectors that a transform needs as `work`. */
export const WORK_FLOATS: number = 36 * 4;

/** Variables that a transform of four lanes uses. */
class Lanes {
  readonly pointers: readonly Local[];
  readonly values: readonly Local[];
  readonly halves: readonly Local[];
  readonly constants: Constants;
  readonly features: Features;

  constructor(locals: Locals, features: Features) {
    this.pointers = locals.many("i32", 4);
    this.values = locals.many("v128", 6);
    this.halves = locals.many("v128", 4);
    this.constants = new Constants(locals);
    this.features = features;
  }

  /** values[j] → pixel j of each lane's row at `offset`. Rows of 2, 4 or 6 pixels. */
  #loadRow(offset: number, width: number): Code {
    const [p, v, h] = [this.pointers, this.values, this.halves];
    const pairs = (from: number, to: readonly [Local, Local], low: boolean): Code => [
      h.map((half, i) => set(half, get(p[i]), v128.load(from))),
      set(h[0], get(h[0]), get(h[1]), low ? shuffle32(0, 4, 1, 5) : shuffle32(2, 6, 3, 7)),
      set(h[2], get(h[2]), get(h[3]), low ? shuffle32(0, 4, 1, 5) : shuffle32(2, 6, 3, 7)),
      set(to[0], get(h[0]), get(h[2]), shuffle32(0, 1, 4, 5)),
      set(to[1], get(h[0]), get(h[2]), shuffle32(2, 3, 6, 7)),
    ];
    if (width === 2) return pairs(offset, [v[0], v[1]], true);
    return [
      p.map((pointer, i) => set(v[i], get(pointer), v128.load(offset))),
      transpose4(v.slice(0, 4), h),
      width === 6 ? pairs(offset + 8, [v[4], v[5]], false) : [],
    ];
  }

  /** planes[i, j] → (vertical · d · horizontalᵀ)[i, j], with d read through the pointers. */
  forward(vertical: Matrix, horizontal: Matrix, rowBytes: number, work: Local, out: Local, planeBytes: number): Code {
    const [h, width] = [horizontal.length, horizontal[0].length];
    const height = vertical[0].length;
    const parts = [this.halves[0], this.halves[1]] as const;
    return [
      Array.from({ length: height }, (_, r) => [
        this.#loadRow(r * rowBytes, width),
        multiplyRows(horizontal, this.values.slice(0, width), parts, this.constants, this.features, (j, value) => [
          get(work),
          value,
          v128.store(16 * (r * h + j)),
        ]),
      ]),
      Array.from({ length: h }, (_, j) => [
        this.values.slice(0, height).map((x, r) => set(x, get(work), v128.load(16 * (r * h + j)))),
        multiplyRows(vertical, this.values.slice(0, height), parts, this.constants, this.features, (i, value) => [
          get(out),
          value,
          v128.store(planeBytes * (i * h + j)),
        ]),
      ]),
    ];
  }

  /** Rows of Aᵀ·planes·A, one after the other in values[0 … m − 1], each handled by `store(row)`. */
  backward(
    { vertical, horizontal }: Filtering2d,
    planes: Local,
    planeBytes: number,
    work: Local,
    store: (row: number, values: readonly Local[]) => Code,
  ): Code {
    const [v, h] = [vertical.n, horizontal.n];
    const results = this.halves.slice(0, horizontal.m);
    const spare = this.halves[3];
    return [
      Array.from({ length: h }, (_, j) => [
        this.values.slice(0, v).map((x, i) => set(x, get(planes), v128.load(planeBytes * (i * h + j)))),
        multiplyColumns(vertical.AT, this.values.slice(0, v), spare, this.constants, this.features, (k, value) => [
          get(work),
          value,
          v128.store(16 * (k * h + j)),
        ]),
      ]),
      Array.from({ length: vertical.m }, (_, k) => [
        this.values.slice(0, h).map((x, j) => set(x, get(work), v128.load(16 * (k * h + j)))),
        // `spare` is free again when the last result is written.
        multiplyColumns(horizontal.AT, this.values.slice(0, h), spare, this.constants, this.features, (c, value) =>
          set(results[c], value),
        ),
        store(k, results),
      ]),
    ];
  }
}

/** A function whose constants are set before its body. */
function withConstants(
  name: string,
  parameters: number,
  features: Features,
  write: (lanes: Lanes, locals: Locals) => Code,
): Func {
  return func(
    name,
    Array.from({ length: parameters }, () => "i32"),
    (locals) => {
      const lanes = new Lanes(locals, features);
      const body = write(lanes, locals);
      return [lanes.constants.prelude, body];
    },
  );
}

/**
 * inputTiles(image, table, out, groups, channels, panelBytes, toNext, work): Bᵀ d B of `groups` groups of four tiles of
 * `channels` channels. The table has four offsets for each group. Two groups make a panel of eight columns for the
 * matrix product: out moves by `toNext` and by panelBytes − toNext in turn, by 32 from channel to channel.
 */
export function inputTilesFunction(
  { vertical, horizontal }: Filtering2d,
  features: Features,
  rowBytes: number,
  imagePlaneBytes: number,
  planeBytes: number,
): Func {
  return withConstants("inputTiles", 8, features, (lanes, locals) => {
    const [image, table, out, groups, channels, panelBytes, toNext, work] = [0, 1, 2, 3, 4, 5, 6, 7];
    const [channel, to] = locals.many("i32", 2);
    return whileAtLeast(
      groups,
      1,
      lanes.pointers.map((p, i) => set(p, get(image), get(table), i32.load(4 * i), i32.add)),
      [set(channel, get(channels)), set(to, get(out))],
      // Channels inside: what they write is contiguous.
      whileAtLeast(
        channel,
        1,
        lanes.forward(vertical.BT, horizontal.BT, rowBytes, work, to, planeBytes),
        lanes.pointers.map((p) => advance(p, imagePlaneBytes)),
        advance(to, 32),
        advance(channel, -1),
      ),
      step(out, toNext),
      set(toNext, get(panelBytes), get(toNext), i32.sub),
      advance(table, 16),
      advance(groups, -1),
    );
  });
}

/**
 * name(image, table, out, tiles, work): vertical·d·horizontalᵀ of `tiles` tiles of four channels; a lane is a channel.
 * The table has an offset for each tile; out moves by `stepBytes`.
 */
export function channelsFunction(
  name: string,
  vertical: Matrix,
  horizontal: Matrix,
  features: Features,
  rowBytes: number,
  imagePlaneBytes: number,
  planeBytes: number,
  stepBytes: number,
): Func {
  return withConstants(name, 5, features, (lanes) => {
    const [image, table, out, tiles, work] = [0, 1, 2, 3, 4];
    const [first] = lanes.pointers;
    return whileAtLeast(
      tiles,
      1,
      set(first, get(image), get(table), i32.load(), i32.add),
      lanes.pointers.slice(1).map((p, i) => set(p, get(lanes.pointers[i]), i32.const(imagePlaneBytes), i32.add)),
      lanes.forward(vertical, horizontal, rowBytes, work, out, planeBytes),
      advance(table, 4),
      advance(out, stepBytes),
      advance(tiles, -1),
    );
  });
}

/**
 * outputTiles(planes, table, y, groups, channels, planeRowBytes, work): Aᵀ m A of groups of four tiles, as pixels of y.
 * Rows of a plane are channels, planeRowBytes apart.
 */
export function outputTilesFunction(
  filterings: Filtering2d,
  features: Features,
  planeBytes: number,
  rowBytes: number,
  imagePlaneBytes: number,
): Func {
  return withConstants("outputTiles", 7, features, (lanes, locals) => {
    const [planes, table, y, groups, channels, planeRowBytes, work] = [0, 1, 2, 3, 4, 5, 6];
    const [group, entry, from] = locals.many("i32", 3);
    const [p, h] = [lanes.pointers, lanes.values];
    const store = (row: number, results: readonly Local[]): Code => {
      const offset = row * rowBytes;
      if (results.length === 4) {
        return [transpose4(results, h), results.map((r, i) => [get(p[i]), get(r), v128.store(offset)])];
      }
      const [left, right] = results;
      return [
        set(h[0], get(left), get(right), shuffle32(0, 4, 1, 5)),
        set(h[1], get(left), get(right), shuffle32(2, 6, 3, 7)),
        p.map((pointer, i) => [get(pointer), get(h[i >> 1]), v128.store64Lane((i & 1) as 0 | 1, offset)]),
      ];
    };
    return whileAtLeast(
      channels,
      1,
      set(group, get(groups)),
      set(entry, get(table)),
      set(from, get(planes)),
      whileAtLeast(
        group,
        1,
        p.map((pointer, i) => set(pointer, get(y), get(entry), i32.load(4 * i), i32.add)),
        lanes.backward(filterings, from, planeBytes, work, store),
        advance(from, 16),
        advance(entry, 16),
        advance(group, -1),
      ),
      step(planes, planeRowBytes),
      advance(y, imagePlaneBytes),
      advance(channels, -1),
    );
  });
}

/** outputFilters(planes, gw, quads, work): Aᵀ m A for four channels at a time, written one 3 × 3 filter after another. */
export function outputFiltersFunction(filterings: Filtering2d, features: Features, planeBytes: number): Func {
  const [height, width] = [filterings.vertical.m, filterings.horizontal.m];
  return withConstants("outputFilters", 4, features, (lanes) => {
    const [planes, gw, quads, work] = [0, 1, 2, 3];
    const store = (row: number, results: readonly Local[]): Code =>
      results.map((result, column) =>
        [0, 1, 2, 3].map((lane) => [
          get(gw),
          get(result),
          f32x4.extractLane(lane),
          f32.store(4 * (lane * height * width + row * width + column)),
        ]),
      );
    return whileAtLeast(
      quads,
      1,
      lanes.backward(filterings, planes, planeBytes, work, store),
      advance(planes, 16),
      advance(gw, 16 * height * width),
      advance(quads, -1),
    );
  });
}

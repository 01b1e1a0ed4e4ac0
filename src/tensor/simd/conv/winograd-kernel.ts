/**
 * Winograd's transforms as code, four of them at a time: a lane of a vector is a tile, or a channel.
 *
 *   four pointers ──loads, 4×4 transposes──▶ one vector per pixel, lane = tile
 *     rows:    d·B    horizontally, into `work` (36 vectors, stays in L1)
 *     columns: Bᵀ·…   vertically, to 36 planes, one for each pair of points
 *
 * The planes are `planeBytes` apart, an odd number of cache lines: else the 36 stores meet in one set of the cache (3.0 ms
 * instead of 1.6). Distances come as arguments, before all others: so all shapes share a program, which is soon optimised.
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
  /** The plane that is loaded or stored next, the first one of a column, and the distance from row to row. */
  readonly #plane: Local;
  readonly #column: Local;
  readonly #planeRow: Local;

  constructor(locals: Locals, features: Features) {
    this.pointers = locals.many("i32", 4);
    this.values = locals.many("v128", 6);
    this.halves = locals.many("v128", 4);
    this.constants = new Constants(locals);
    this.features = features;
    [this.#plane, this.#column, this.#planeRow] = locals.many("i32", 3);
  }

  /** values[j] → pixel j of each lane's row. Rows of 2, 4 or 6 pixels. */
  #loadRow(width: number): Code {
    const [p, v, h] = [this.pointers, this.values, this.halves];
    const pairs = (from: number, to: readonly [Local, Local], low: boolean): Code => [
      h.map((half, i) => set(half, get(p[i]), v128.load(from))),
      set(h[0], get(h[0]), get(h[1]), low ? shuffle32(0, 4, 1, 5) : shuffle32(2, 6, 3, 7)),
      set(h[2], get(h[2]), get(h[3]), low ? shuffle32(0, 4, 1, 5) : shuffle32(2, 6, 3, 7)),
      set(to[0], get(h[0]), get(h[2]), shuffle32(0, 1, 4, 5)),
      set(to[1], get(h[0]), get(h[2]), shuffle32(2, 3, 6, 7)),
    ];
    if (width === 2) return pairs(0, [v[0], v[1]], true);
    return [
      p.map((pointer, i) => set(v[i], get(pointer), v128.load())),
      transpose4(v.slice(0, 4), h),
      width === 6 ? pairs(8, [v[4], v[5]], false) : [],
    ];
  }

  /**
   * Visits an array of planes with rows of `width`, column after column. `visit(j, next)` is column j; each `next(access)` goes
   * on to the plane below the one at the address `access` gets.
   */
  #columns(
    first: Local,
    planeBytes: Local,
    width: number,
    visit: (column: number, next: (access: (plane: Local) => Code) => Code) => Code,
  ): Code {
    const [plane, column, row] = [this.#plane, this.#column, this.#planeRow];
    return [
      set(column, get(first)),
      set(row, get(planeBytes), i32.const(width), i32.mul),
      Array.from({ length: width }, (_, j) => [
        set(plane, get(column)),
        visit(j, (access) => [access(plane), step(plane, row)]),
        step(column, planeBytes),
      ]),
    ];
  }

  /**
   * planes[i, j] → (vertical · d · horizontalᵀ)[i, j], with d read through the pointers, which end at the last row.
   */
  forward(vertical: Matrix, horizontal: Matrix, rowBytes: Local, work: Local, out: Local, planeBytes: Local): Code {
    const [h, width] = [horizontal.length, horizontal[0].length];
    const height = vertical[0].length;
    const parts = [this.halves[0], this.halves[1]] as const;
    return [
      Array.from({ length: height }, (_, r) => [
        r === 0 ? [] : this.pointers.map((pointer) => step(pointer, rowBytes)),
        this.#loadRow(width),
        multiplyRows(horizontal, this.values.slice(0, width), parts, this.constants, this.features, (j, value) => [
          get(work),
          value,
          v128.store(16 * (r * h + j)),
        ]),
      ]),
      this.#columns(out, planeBytes, h, (j, next) => [
        this.values.slice(0, height).map((x, r) => set(x, get(work), v128.load(16 * (r * h + j)))),
        multiplyRows(vertical, this.values.slice(0, height), parts, this.constants, this.features, (_, value) =>
          next((plane) => [get(plane), value, v128.store()]),
        ),
      ]),
    ];
  }

  /** Rows of Aᵀ·planes·A, one after the other in values[0 … m − 1], each handled by `store(row)`. */
  backward(
    { vertical, horizontal }: Filtering2d,
    planes: Local,
    planeBytes: Local,
    work: Local,
    store: (row: number, values: readonly Local[]) => Code,
  ): Code {
    const [v, h] = [vertical.n, horizontal.n];
    const results = this.halves.slice(0, horizontal.m);
    const spare = this.halves[3];
    return [
      this.#columns(planes, planeBytes, h, (j, next) => [
        this.values.slice(0, v).map((x) => next((plane) => set(x, get(plane), v128.load()))),
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
 * inputTiles(rowBytes, imagePlaneBytes, planeBytes, image, table, out, groups, channels, panelBytes, toNext, work): Bᵀ d B of `groups` groups of four tiles of
 * `channels` channels. The table has four offsets for each group. Two groups make a panel of eight columns for the
 * matrix product: out moves by `toNext` and by panelBytes − toNext in turn, by 32 from channel to channel.
 */
export function inputTilesFunction({ vertical, horizontal }: Filtering2d, features: Features): Func {
  return withConstants("inputTiles", 11, features, (lanes, locals) => {
    const [rowBytes, imagePlaneBytes, planeBytes, image, table, out] = [0, 1, 2, 3, 4, 5];
    const [groups, channels, panelBytes, toNext, work] = [6, 7, 8, 9, 10];
    const [channel, to, toNextPlane] = locals.many("i32", 3);
    const lastRow: Code = [get(rowBytes), i32.const(vertical.BT.length - 1), i32.mul];
    const body = whileAtLeast(
      groups,
      1,
      lanes.pointers.map((p, i) => set(p, get(image), get(table), i32.load(4 * i), i32.add)),
      [set(channel, get(channels)), set(to, get(out))],
      // Channels inside: what they write is contiguous.
      whileAtLeast(
        channel,
        1,
        lanes.forward(vertical.BT, horizontal.BT, rowBytes, work, to, planeBytes),
        lanes.pointers.map((p) => step(p, toNextPlane)),
        advance(to, 32),
        advance(channel, -1),
      ),
      step(out, toNext),
      set(toNext, get(panelBytes), get(toNext), i32.sub),
      advance(table, 16),
      advance(groups, -1),
    );
    return [set(toNextPlane, get(imagePlaneBytes), lastRow, i32.sub), body];
  });
}

/**
 * name(rowBytes, imagePlaneBytes, planeBytes, image, table, out, tiles, work): vertical·d·horizontalᵀ of `tiles` tiles of four channels; a lane is a channel.
 * The table has an offset for each tile; out moves by `stepBytes`.
 */
export function channelsFunction(
  name: string,
  vertical: Matrix,
  horizontal: Matrix,
  features: Features,
  stepBytes: number,
): Func {
  return withConstants(name, 8, features, (lanes) => {
    const [rowBytes, imagePlaneBytes, planeBytes, image, table, out, tiles, work] = [0, 1, 2, 3, 4, 5, 6, 7];
    const [first] = lanes.pointers;
    return whileAtLeast(
      tiles,
      1,
      set(first, get(image), get(table), i32.load(), i32.add),
      lanes.pointers.slice(1).map((p, i) => set(p, get(lanes.pointers[i]), get(imagePlaneBytes), i32.add)),
      lanes.forward(vertical, horizontal, rowBytes, work, out, planeBytes),
      advance(table, 4),
      advance(out, stepBytes),
      advance(tiles, -1),
    );
  });
}

/**
 * outputTiles(planeBytes, rowBytes, imagePlaneBytes, planes, table, y, groups, channels, planeRowBytes, work): Aᵀ m A of groups of four tiles, as pixels of y.
 * Rows of a plane are channels, planeRowBytes apart.
 */
export function outputTilesFunction(filterings: Filtering2d, features: Features): Func {
  return withConstants("outputTiles", 10, features, (lanes, locals) => {
    const [planeBytes, rowBytes, imagePlaneBytes, planes, table, y] = [0, 1, 2, 3, 4, 5];
    const [groups, channels, planeRowBytes, work] = [6, 7, 8, 9];
    const [group, entry, from] = locals.many("i32", 3);
    const [p, h] = [lanes.pointers, lanes.values];
    const store = (row: number, results: readonly Local[]): Code => {
      const toRow = row === 0 ? [] : p.map((pointer) => step(pointer, rowBytes));
      if (results.length === 4) {
        return [toRow, transpose4(results, h), results.map((r, i) => [get(p[i]), get(r), v128.store()])];
      }
      const [left, right] = results;
      return [
        toRow,
        set(h[0], get(left), get(right), shuffle32(0, 4, 1, 5)),
        set(h[1], get(left), get(right), shuffle32(2, 6, 3, 7)),
        p.map((pointer, i) => [get(pointer), get(h[i >> 1]), v128.store64Lane((i & 1) as 0 | 1)]),
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
      step(y, imagePlaneBytes),
      advance(channels, -1),
    );
  });
}

/**
 * outputFilters(planeBytes, planes, gw, quads, work): Aᵀ m A for four channels at a time, written one 3 × 3 filter after
 * another.
 */
export function outputFiltersFunction(filterings: Filtering2d, features: Features): Func {
  const [height, width] = [filterings.vertical.m, filterings.horizontal.m];
  return withConstants("outputFilters", 5, features, (lanes) => {
    const [planeBytes, planes, gw, quads, work] = [0, 1, 2, 3, 4];
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

/**
 * The matrix product's inner part: one tile of C kept in registers while the sums run.
 *
 *              b: TILE_COLUMNS = 8 columns, two vectors
 *              ┌────────┬────────┐
 *              │  b0    │  b1    │   one row of packed B at a time
 *              └────────┴────────┘
 *   a: R rows  ┌────────┬────────┐
 *   ┌──┐       │ c[0,0] │ c[0,1] │
 *   │a0│ splat │ c[1,0] │ c[1,1] │   R·2 accumulators: 8 with R = 4, 12 with R = 6
 *   │a1│  ×    │  …     │  …     │
 *   └──┘       └────────┴────────┘
 *
 * Each step loads one number of A per row, repeats it four times, multiplies it with both vectors of B and adds. Where
 * multiply-add is one instruction, R = 6 uses 12 + 2 + 1 = 15 registers, all that V8 has. Elsewhere a product needs its
 * own register, and R = 4 is best.
 *
 * A is packed with R rows interleaved, B with eight columns interleaved, so both are read sequentially.
 */

import { advance, countDown, step } from "./loops.ts";
import {
  block,
  branch,
  branchIf,
  type Code,
  constant,
  type Func,
  f32x4,
  func,
  get,
  i32,
  type Local,
  type Locals,
  set,
  v128,
} from "./wasm/assembler.ts";
import type { Features } from "./wasm/features.ts";

export const TILE_COLUMNS = 8;

/** Rows of a tile: as many as the registers hold. */
export function tileRows({ multiplyAdd }: Features): number {
  return multiplyAdd ? 6 : 4;
}

/** accumulator += a·b, in one instruction or two. */
export function multiplyAdd(accumulator: Local, a: Local, b: Local, features: Features): Code {
  return features.multiplyAdd
    ? set(accumulator, get(a), get(b), get(accumulator), f32x4.relaxedMadd)
    : set(accumulator, get(accumulator), get(a), get(b), f32x4.mul, f32x4.add);
}

/** The registers of a tile: two sums for each of its rows, one row of b, one number of a. */
export interface TileRegisters {
  readonly sums: readonly Local[];
  readonly b0: Local;
  readonly b1: Local;
  readonly splat: Local;
}

/**
 * Step `i` from the addresses a and b of packed panels: adds the products of one column of a and one row of b.
 *
 * V8 computes an address for the constant offset of a splatting load: one extra instruction, shared by all loads with
 * the same offset. So passing `a` as a pointer for each row is faster: 4 % (Node 20, 512³; Node 24: up to 6 %).
 */
export function multiplyStep(
  i: number,
  a: readonly Local[],
  b: Local,
  registers: TileRegisters,
  features: Features,
): Code {
  const { sums, b0, b1, splat } = registers;
  const rows = sums.length / 2;
  return [
    set(b0, get(b), v128.load(32 * i)),
    set(b1, get(b), v128.load(32 * i + 16)),
    Array.from({ length: rows }, (_, r) => [
      set(splat, get(a[r]), v128.load32Splat(4 * rows * i)),
      multiplyAdd(sums[2 * r], splat, b0, features),
      multiplyAdd(sums[2 * r + 1], splat, b1, features),
    ]),
  ];
}

/** How many steps are unrolled. */
const STRAIGHT = 16;

/**
 * k steps: `step(i)` is the i-th from the pointers, and `advance(n)` moves the pointers on by n steps. k ends below
 * STRAIGHT: the number of steps by which the pointers still have to move.
 *
 * V8 11 spills registers in a long straight line of steps, but not when each step ends with a conditional exit. An exit
 * that tests a number V8 cannot know to be zero costs less than counting (Node 20: 5 %).
 */
export function steps(k: Local, locals: Locals, step: (i: number) => Code, advance: (n: number) => Code): Code {
  const zero = locals.make("i32");
  return [
    // Address 0 stays zero (arena.ts).
    set(zero, i32.const(0), i32.load()),
    countDown(
      k,
      STRAIGHT,
      block(Array.from({ length: STRAIGHT }, (_, i) => [step(i), get(zero), i32.const(1 << i), i32.and, branchIf(0)])),
      advance(STRAIGHT),
    ),
    // Different offsets from the loop's: V8 would compute shared ones outside the loop, and keep them in memory (9 %).
    advance(-STRAIGHT),
    block(
      Array.from({ length: STRAIGHT - 1 }, (_, i) => [
        [get(k), i32.const(i + 1), i32.lessSigned, branchIf(0)],
        step(STRAIGHT + i),
      ]),
    ),
    advance(STRAIGHT),
  ];
}

/** Stores the sums at c, row after row, or adds them to the values there; c ends after the last row. */
export function storeTile(c: Local, rowBytes: Local, sums: readonly Local[], add: boolean): Code {
  return Array.from({ length: sums.length / 2 }, (_, r) => [
    [0, 1].map((half) => [
      get(c),
      get(sums[2 * r + half]),
      add ? [get(c), v128.load(16 * half), f32x4.add] : [],
      v128.store(16 * half),
    ]),
    set(c, get(c), get(rowBytes), i32.add),
  ]);
}

/**
 * tile(a, b, c, k, rowBytes, accumulate): c[R × 8] → Σ over k of a·b, or adds it. Addresses in bytes; a and b packed.
 */
export function tileFunction(features: Features): Func {
  const rows = tileRows(features);
  return func("tile", ["i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [a, b, c, k, rowBytes, accumulate] = [0, 1, 2, 3, 4, 5];
    const sums = locals.many("v128", rows * 2);
    const [b0, b1, splat] = locals.many("v128", 3);
    const pointers = [a, ...locals.many("i32", rows - 1)];
    const store = (add: boolean): Code => storeTile(c, rowBytes, sums, add);
    return [
      pointers.slice(1).map((pointer, r) => set(pointer, get(a), i32.const(4 * r + 4), i32.add)),
      steps(
        k,
        locals,
        (i) => multiplyStep(i, pointers, b, { sums, b0, b1, splat }, features),
        (n) => [pointers.map((pointer) => advance(pointer, 4 * rows * n)), advance(b, 32 * n)],
      ),
      block(get(accumulate), i32.eqz, branchIf(0), store(true), branch(1)),
      store(false),
    ];
  });
}

/** Columns of a narrow tile. */
export const NARROW_COLUMNS = 4;

/**
 * narrow(a, b, c, pairs, k): for each two panels of rows of a, c[2R × 4] → Σ over k of a·b, one after the other. b is a packed
 * panel of which four columns count, or fewer: in half the time of the whole tile (of 49 columns, 7 × 7, the last is alone).
 * Two panels, because the sums of one would wait for each other.
 */
export function narrowFunction(features: Features): Func {
  const rows = tileRows(features);
  return func("narrow", ["i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [a, b, c, pairs, k] = [0, 1, 2, 3, 4];
    const [pb, left, bytes] = locals.many("i32", 3);
    const panels = locals.many("i32", 2);
    const sums = locals.many("v128", 2 * rows);
    const [columns, splat] = locals.many("v128", 2);
    const oneStep = (i: number): Code => [
      set(columns, get(pb), v128.load(32 * i)),
      sums.map((sum, s) => [
        set(splat, get(panels[Math.floor(s / rows)]), v128.load32Splat(4 * (rows * i + (s % rows)))),
        multiplyAdd(sum, splat, columns, features),
      ]),
    ];
    return [
      set(bytes, get(k), i32.const(4 * rows), i32.mul),
      countDown(
        pairs,
        1,
        panels.map((panel, i) => set(panel, i === 0 ? get(a) : [get(a), get(bytes), i32.add])),
        [set(pb, get(b)), set(left, get(k))],
        sums.map((sum) => set(sum, constant(0))),
        steps(left, locals, oneStep, (n) => [panels.map((panel) => advance(panel, 4 * rows * n)), advance(pb, 32 * n)]),
        sums.map((sum, s) => [get(c), get(sum), v128.store(16 * s)]),
        advance(c, 16 * sums.length),
        [step(a, bytes), step(a, bytes)],
      ),
    ];
  });
}

/**
 * Arithmetic of two tensors under broadcasting, row by row (geometry/broadcast.ts):
 *
 *   a  ├── runs ──┤        ├── runs ──┤        one number
 *   b  ├── runs ──┤        one number          ├── runs ──┤
 *
 * The innermost two loops, over a row's numbers and over rows, are in WebAssembly; the loops over outer axes are here.
 */
import type { BroadcastGeometry } from "../geometry/broadcast.ts";
import type { BinaryOp } from "../kernels.ts";
import type { Floats } from "../memory.ts";
import { type Access, countDown, eachRange, GRAIN, sweep } from "./loops.ts";
import { type Code, constant, type Func, f32x4, func, get, i32, set, v128 } from "./wasm/assembler.ts";
import type { Engine } from "./wasm/engine.ts";
import { worthIt } from "./worth.ts";

const ZERO = /* @__PURE__ */ constant(0);
const ONE = /* @__PURE__ */ constant(1);

/** 1 where the comparison holds. */
function truth(comparison: Code): Code {
  return [comparison, ONE, v128.and];
}

/** The first, by where the second is not 0. */
function masked(by: Code): Code {
  return [ZERO, f32x4.notEqual, by];
}

/** Null: the plain tier computes it. This file does not compile without a row for each operation. */
const ROWS: Readonly<Record<BinaryOp, (() => Code) | null>> = {
  add: () => f32x4.add,
  sub: () => f32x4.sub,
  mul: () => f32x4.mul,
  div: () => f32x4.div,
  // Twice the time of pmax, but a NaN on either side wins, and 0 is larger than −0, as in Math.max.
  maximum: () => f32x4.max,
  minimum: () => f32x4.min,
  pow: null,
  eq: () => truth(f32x4.eq),
  ne: () => truth(f32x4.notEqual),
  lt: () => truth(f32x4.less),
  le: () => truth(f32x4.lessOrEqual),
  keep: () => masked(v128.and),
  drop: () => masked(v128.andnot),
};

/** y → a ∘ b. The plain tier keeps powers, and rows too short to fill vectors. */
export function binary(engine: Engine, op: BinaryOp, a: Floats, b: Floats, y: Floats, g: BroadcastGeometry): boolean {
  const operation = ROWS[op];
  const { outer, outerStridesA, outerStridesB, inner, innerStrideA, innerStrideB } = g;
  if (!operation || inner < SHORTEST_ROW || !worthIt(a, b, y)) return false;
  const { rows } = engine.program<"rows">(`binary ${op} ${innerStrideA}${innerStrideB}`, () => [
    rowsFunction(operation(), innerStrideA, innerStrideB),
  ]);
  return engine.run((call) => {
    const pa = call.input(a);
    const pb = call.input(b);
    const py = call.output(y);
    // `rows` walks the last of the outer axes; an odometer walks the others: `index` counts, and i and j follow.
    const last = outer.length - 1;
    if (last < 0) {
      eachRange(call, inner, (from, count) => {
        rows(pa + 4 * from * innerStrideA, pb + 4 * from * innerStrideB, py + 4 * from, count, 1, 0, 0);
      });
      return;
    }
    const count = outer[last];
    const [stepA, stepB] = [outerStridesA[last], outerStridesB[last]];
    const skipA = 4 * (stepA - inner * innerStrideA);
    const skipB = 4 * (stepB - inner * innerStrideB);
    // Rows are numbered through; each thread takes a range of them.
    call.split(g.size / inner, Math.ceil(GRAIN / inner), (from, to) => {
      const index = new Array<number>(outer.length).fill(0);
      for (let row = 0, i = 0, j = 0; row < to; row += count) {
        const first = Math.max(row, from);
        const many = Math.min(row + count, to) - first;
        const skipped = first - row;
        if (many > 0) {
          rows(
            pa + 4 * (i + skipped * stepA),
            pb + 4 * (j + skipped * stepB),
            py + 4 * first * inner,
            inner,
            many,
            skipA,
            skipB,
          );
        }
        for (let axis = last - 1; axis >= 0; axis--) {
          i += outerStridesA[axis];
          j += outerStridesB[axis];
          if (++index[axis] < outer[axis]) break;
          i -= outerStridesA[axis] * outer[axis];
          j -= outerStridesB[axis] * outer[axis];
          index[axis] = 0;
        }
      }
    });
  });
}

/** y → a where c ≠ 0, else b. */
export function where(engine: Engine, c: Floats, a: Floats, b: Floats, y: Floats): boolean {
  if (!worthIt(c, a, b, y)) return false;
  const runs = [c, a, b].map(({ length }) => length === y.length);
  const key = runs.map(Number).join("");
  const { choose } = engine.program<"choose">(`where ${key}`, () => [whereFunction(runs)]);
  return engine.run((call) => {
    const inputs = [c, a, b].map((array) => call.input(array));
    const py = call.output(y);
    eachRange(call, y.length, (from, count) => {
      const [pc, pa, pb] = inputs.map((address, i) => (runs[i] ? address + 4 * from : address));
      choose(pc, pa, pb, py + 4 * from, count);
    });
  });
}

/** choose(c, a, b, y, n): of c, a and b those that `runs` names have n numbers, the others one. */
function whereFunction(runs: readonly boolean[]): Func {
  return func("choose", ["i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [y, n] = [3, 4];
    const numbers = locals.many("v128", 3);
    const [c, a, b] = [0, 1, 2].map(
      (pointer) =>
        (access: Access, v: number): Code =>
          runs[pointer] ? access.load(pointer, v) : get(numbers[pointer]),
    );
    return [
      numbers.map((number, pointer) => (runs[pointer] ? [] : set(number, get(pointer), v128.load32Splat()))),
      sweep(n, [...[0, 1, 2].filter((pointer) => runs[pointer]), y], (access) =>
        access.vectors.map((v) =>
          access.store(y, v, a(access, v), b(access, v), c(access, v), ZERO, f32x4.notEqual, v128.bitselect),
        ),
      ),
    ];
  });
}

/** Measured: the plain tier is as fast with rows of 4. */
const SHORTEST_ROW = 8;

/** rows(a, b, y, inner, count, skipA, skipB): `count` rows; the skips are bytes from the end of a row to the next. */
function rowsFunction(operation: Code, strideA: number, strideB: number): Func {
  return func("rows", ["i32", "i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [a, b, y, inner, count, skipA, skipB] = [0, 1, 2, 3, 4, 5, 6];
    const n = locals.make("i32");
    const [numberA, numberB] = locals.many("v128", 2);
    const running = [...(strideA ? [a] : []), ...(strideB ? [b] : []), y];
    return countDown(
      count,
      1,
      set(n, get(inner)),
      strideA ? [] : set(numberA, get(a), v128.load32Splat()),
      strideB ? [] : set(numberB, get(b), v128.load32Splat()),
      sweep(n, running, (access) =>
        access.vectors.map((v) =>
          access.store(
            y,
            v,
            strideA ? access.load(a, v) : get(numberA),
            strideB ? access.load(b, v) : get(numberB),
            operation,
          ),
        ),
      ),
      set(a, get(a), get(skipA), i32.add),
      set(b, get(b), get(skipB), i32.add),
    );
  });
}

/**
 * The parts of Winograd's algorithms that are not transforms of images: the filters' transform, and the matrix product
 * of packed panels with a small inner dimension.
 * Next: winograd.ts.
 */
import {
  block,
  branch,
  branchIf,
  type Code,
  type Func,
  f64,
  f64x2,
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
import { multiplyStep, storeTile } from "./gemm.ts";
import { advance, whileAtLeast } from "./loops.ts";
import type { Filtering2d } from "./winograd-kernel.ts";
import type { Matrix } from "./winograd-points.ts";

const moveBy = (pointer: Local, bytes: Local): Code => set(pointer, get(pointer), get(bytes), i32.add);

/**
 * filters(first, second, out, count, sourceBytes, outBytes): G g Gᵀ of `count` 3 × 3 filters of two outputs at once,
 * which become neighbours at `out`. Computed in float64 and rounded once. `turned` reads the filter by 180° turned, as
 * the input gradient needs it.
 */
export function filtersFunction({ vertical, horizontal }: Filtering2d, planeBytes: number, turned: boolean): Func {
  return func("filters", ["i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [first, second, out, count, sourceBytes, outBytes] = [0, 1, 2, 3, 4, 5];
    const taps = locals.many("v128", 3);
    const [even, odd] = locals.many("v128", 2);
    const middle = Array.from({ length: vertical.n }, () => locals.many("v128", 3));
    const constants = new Map<number, Local>();
    const times = (x: Local, factor: number): Code => {
      const local = constants.get(factor) ?? locals.make("v128");
      constants.set(factor, local);
      return [get(x), get(local), f64x2.mul];
    };
    /** The rows of G times `inputs`; rows 2i + 1 and 2i + 2 differ in the sign of the middle tap. */
    const multiply = (G: Matrix, inputs: readonly Local[], put: (row: number, value: Code) => Code): Code => {
      const last = G.length - 1;
      const code: Code[] = [put(0, times(inputs[0], G[0][0]))];
      for (let row = 1; row < last; row += 2) {
        code.push(
          set(even, times(inputs[0], G[row][0]), times(inputs[2], G[row][2]), f64x2.add),
          set(odd, times(inputs[1], G[row][1])),
          put(row, [get(even), get(odd), f64x2.add]),
          put(row + 1, [get(even), get(odd), f64x2.sub]),
        );
      }
      code.push(put(last, get(inputs[2])));
      return code;
    };
    const body = whileAtLeast(
      count,
      1,
      [0, 1, 2].map((v) => [
        taps.map((tap, u) => {
          const at = 4 * (turned ? 8 - (3 * u + v) : 3 * u + v);
          return set(tap, get(second), get(first), v128.load32Splat(at), v128.load32Lane(1, at), f64x2.promoteLow);
        }),
        multiply(vertical.G, taps, (i, value) => set(middle[i][v], value)),
      ]),
      middle.map((row, i) =>
        multiply(horizontal.G, row, (j, value) => [
          get(out),
          value,
          f64x2.demoteZero,
          v128.store64Lane(0, planeBytes * (i * horizontal.n + j)),
        ]),
      ),
      moveBy(first, sourceBytes),
      moveBy(second, sourceBytes),
      moveBy(out, outBytes),
      advance(count, -1),
    );
    const prelude = [...constants].map(([value, local]) => set(local, f64.const(value), f64x2.splat));
    return [prelude, body];
  });
}

/**
 * tiles(a, b, c, rows, columns, k, rowBytes, accumulate): the matrix product of packed panels, as in gemm.ts, with the
 * tile's code inside the loops: here k is small (16 channels), and a call for each tile would cost 7 %.
 */
export function productFunction(features: Features, R: number): Func {
  return func("tiles", ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [a, b, c, rows, columns, k, rowBytes, accumulate] = [0, 1, 2, 3, 4, 5, 6, 7];
    const [row, pa, pb, pc, step] = locals.many("i32", 5);
    const sums = locals.many("v128", 2 * R);
    const [b0, b1, splat] = locals.many("v128", 3);
    const unroll = 8;
    const oneStep = (i: number): Code => [
      multiplyStep(i, pa, pb, { sums, b0, b1, splat }, features),
      // A branch in every step: with one in two, V8 11 spills and needs 1.4 times as long.
      tee(step, get(step), i32.const(1), i32.sub),
      i32.eqz,
      branchIf(1),
    ];
    const store = (add: boolean): Code => storeTile(pc, rowBytes, sums, add);
    return loop(
      set(row, get(rows)),
      set(pa, get(a)),
      set(pc, get(c)),
      loop(
        sums.map((sum) => set(sum, v128.const(0, 0, 0, 0))),
        set(pb, get(b)),
        set(step, get(k)),
        block(
          loop(
            Array.from({ length: unroll }, (_, i) => oneStep(i)),
            advance(pa, 4 * R * unroll),
            advance(pb, 32 * unroll),
            branch(0),
          ),
        ),
        // The loop left pa at the beginning of its last eight steps, which may have been fewer.
        set(
          pa,
          get(a),
          get(rows),
          get(row),
          i32.sub,
          i32.const(1),
          i32.add,
          get(k),
          i32.mul,
          i32.const(4 * R),
          i32.mul,
          i32.add,
        ),
        block(block(get(accumulate), i32.eqz, branchIf(0), store(true), branch(1)), store(false)),
        advance(row, -1),
        get(row),
        branchIf(0),
      ),
      set(b, get(b), get(k), i32.const(32), i32.mul, i32.add),
      advance(c, 32),
      advance(columns, -1),
      get(columns),
      branchIf(0),
    );
  });
}

/**
 * The parts of Winograd's algorithms that are not transforms of images: the filters' transform, and the matrix product
 * of packed panels with a small inner dimension.
 * Next: winograd.ts.
 */

import { advance, countDown, step, whileAtLeast } from "../loops.ts";
import { multiplyStep } from "../matmul-kernel.ts";
import {
  block,
  branch,
  branchIf,
  type Code,
  constant,
  type Func,
  f32x4,
  f64,
  f64x2,
  func,
  get,
  i32,
  type Local,
  set,
  v128,
} from "../wasm/assembler.ts";
import type { Engine } from "../wasm/engine.ts";
import type { Features } from "../wasm/features.ts";
import type { Filtering2d } from "./winograd-kernel.ts";
import type { Matrix } from "./winograd-points.ts";

/** Where the filters of a pass stand: distances between those of neighbouring outputs and channels, in floats. */
export interface FilterLayout {
  readonly ofFilter: number;
  readonly ofChannel: number;
  /** Each is to be read by 180° turned, as the input gradient needs it. */
  readonly turned: boolean;
}

/**
 * filters(C, ofFilter, ofChannel, planeBytes, w, out, count): G g Gᵀ of the 3 × 3 filters of `count` outputs and C channels,
 * as panels for the matrix product: out [panel of ROWS outputs][channel][ROWS], `planeBytes` from point to point. In the last
 * panel, rows beyond the last output are undefined. The layout of w (FilterLayout) is in bytes.
 *
 * A lane is an output. F(4) magnifies errors: it is computed in float64, two lanes, and rounded once. F(2×2) is accurate
 * enough in float32, four lanes: half the time, a fifth of the pass where filters outweigh pixels.
 */
export function filtersFunction({ vertical, horizontal }: Filtering2d, turned: boolean): Func {
  const lanes = vertical.m + horizontal.m > 4 ? 2 : 4;
  const { mul, add, sub } = lanes === 4 ? f32x4 : f64x2;
  return func("filters", ["i32", "i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [C, ofFilter, ofChannel, planeBytes, w, out, count] = [0, 1, 2, 3, 4, 5, 6];
    const sources = locals.many("i32", lanes);
    const [parts, channels, to, plane] = locals.many("i32", 4);
    const taps = locals.many("v128", 3);
    const [even, odd] = locals.many("v128", 2);
    const middle = Array.from({ length: vertical.n }, () => locals.many("v128", 3));
    const constants = new Map<number, Local>();
    const times = (x: Local, factor: number): Code => {
      const local = constants.get(factor) ?? locals.make("v128");
      constants.set(factor, local);
      return [get(x), get(local), mul];
    };
    /** The rows of G times `inputs`; rows 2i + 1 and 2i + 2 differ in the sign of the middle tap. */
    const multiply = (G: Matrix, inputs: readonly Local[], put: (row: number, value: Code) => Code): Code => {
      const last = G.length - 1;
      const code: Code[] = [put(0, times(inputs[0], G[0][0]))];
      for (let row = 1; row < last; row += 2) {
        code.push(
          set(even, times(inputs[0], G[row][0]), times(inputs[2], G[row][2]), add),
          set(odd, times(inputs[1], G[row][1])),
          put(row, [get(even), get(odd), add]),
          put(row + 1, [get(even), get(odd), sub]),
        );
      }
      code.push(put(last, get(inputs[2])));
      return code;
    };
    /** The number at an offset in each lane's filter. */
    const load = (at: number): Code => [
      sources.reduce<Code>(
        (code, source, lane) => [get(source), code, lane === 0 ? v128.load32Splat(at) : v128.load32Lane(lane, at)],
        [],
      ),
      lanes === 2 ? f64x2.promoteLow : [],
    ];
    const oneChannel: Code = [
      [0, 1, 2].map((v) => [
        taps.map((tap, u) => set(tap, load(4 * (turned ? 8 - (3 * u + v) : 3 * u + v)))),
        multiply(vertical.G, taps, (i, value) => set(middle[i][v], value)),
      ]),
      set(plane, get(to)),
      middle.map((row) =>
        multiply(horizontal.G, row, (_, value) => [
          [get(plane), value, lanes === 2 ? [f64x2.demoteZero, v128.store64Lane(0)] : v128.store()],
          step(plane, planeBytes),
        ]),
      ),
      sources.map((source) => step(source, ofChannel)),
      advance(to, 4 * ROWS),
    ];
    const body = whileAtLeast(
      count,
      1,
      set(parts, i32.const(ROWS / lanes)),
      countDown(
        parts,
        1,
        // Beyond the last filter the last one again.
        sources.map((source, lane) => {
          if (lane === 0) return set(source, get(w));
          const present: Code = [get(count), i32.const(lane), i32.greaterSigned];
          return set(source, get(sources[lane - 1]), present, get(ofFilter), i32.mul, i32.add);
        }),
        [set(to, get(out)), set(channels, get(C))],
        countDown(channels, 1, oneChannel),
        set(w, get(w), get(ofFilter), i32.const(lanes), i32.mul, i32.add),
        [advance(count, -lanes), advance(out, 4 * lanes)],
        [get(count), i32.const(1), i32.lessSigned, branchIf(1)],
      ),
      set(out, get(out), get(C), i32.const(1), i32.sub, i32.const(4 * ROWS), i32.mul, i32.add),
    );
    const prelude = [...constants].map(([value, local]) =>
      set(local, lanes === 2 ? [f64.const(value), f64x2.splat] : constant(value)),
    );
    return [prelude, body];
  });
}

/** A product of packed panels at each point. */
export interface ProductShape {
  /** Terms of each sum. */
  readonly k: number;
  /** Terms that are summed in registers; then they are added to what is in memory. */
  readonly block: number;
}

/** Rows of the product's tile. */
export const ROWS = 4;
/** Steps in a row; more are a loop. */
const STRAIGHT = 32;

/**
 * product(blocks, planeA, planeB, planeC, rowC, a, b, c, rows, columns, points, accumulate): at each point c → a·b, or adds
 * it; panels of ROWS rows and eight columns, packed as in matmul-kernel.ts. There are `blocks` sums of `most` terms and one of
 * `rest`. The distances from point to point and of c's rows are in bytes.
 *
 *   for each point, panel of b, panel of a:          b: 8 columns
 *     for each block of k:                           ┌────┬────┐
 *       8 sums ← 0                               a ×4│ c  │ c  │   16 instructions of arithmetic per step,
 *       steps of matmul-kernel.ts, written out                │ c  │ c  │   6 loads, 1 exit: 6 a cycle, all there are
 *       c ← sums, then c += sums                     │ …  │ …  │
 *
 * k is small here (16 channels). So all loops are inside, and the steps have no counter. A call for each tile would cost
 * 7 %, one for each point 3 %, counted steps 7 %, one pointer to all rows of a up to 10 % (matmul-kernel.ts).
 */
function productFunction(features: Features, most: number, rest: number): Func {
  return func("product", Array<"i32">(12).fill("i32"), (locals) => {
    const [blocks, planeA, planeB, planeC, rowC] = [0, 1, 2, 3, 4];
    const [a, b, c, rows, columns, points, accumulate] = [5, 6, 7, 8, 9, 10, 11];
    const [pb, pc, target, to, panel, i, j, left, add, never] = locals.many("i32", 10);
    const pa = locals.many("i32", ROWS);
    const sums = locals.many("v128", 2 * ROWS);
    const [b0, b1, splat] = locals.many("v128", 3);
    // V8 11 spills registers in a long straight line of steps, unless each ends with an exit that it takes for possible.
    const exit = (s: number): Code => [get(never), i32.const(1 << s), i32.and, branchIf(0)];
    const straight = (count: number): Code => [
      block(
        Array.from({ length: count }, (_, s) => [
          multiplyStep(s, pa, pb, { sums, b0, b1, splat }, features),
          exit(s % 31),
        ]),
      ),
      pa.map((pointer) => advance(pointer, 4 * ROWS * count)),
      advance(pb, 32 * count),
    ];
    const store = (adds: boolean): Code => [
      set(to, get(pc)),
      sums.map((sum, s) => {
        const offset = 16 * (s & 1);
        const stored = [get(to), get(sum), adds ? [get(to), v128.load(offset), f32x4.add] : [], v128.store(offset)];
        return s & 1 ? [stored, step(to, rowC)] : stored;
      }),
    ];
    /** Sums of `count` terms. */
    const oneBlock = (count: number): Code => [
      sums.map((sum) => set(sum, constant(0))),
      count <= STRAIGHT
        ? straight(count)
        : [set(left, i32.const(Math.floor(count / 16))), countDown(left, 1, straight(16)), straight(count % 16)],
      block(block(get(add), i32.eqz, branchIf(0), store(true), branch(1)), store(false)),
      set(add, i32.const(1)),
    ];
    const [blocksLeft, panelBytes] = locals.many("i32", 2);
    return [
      set(panelBytes, get(blocks), i32.const(32 * most), i32.mul, i32.const(32 * rest), i32.add),
      // Address 0 stays zero (arena.ts), which a compiler cannot know.
      set(never, i32.const(0), i32.load()),
      countDown(
        points,
        1,
        [set(panel, get(b)), set(target, get(c)), set(j, get(columns))],
        countDown(
          j,
          1,
          pa.map((pointer, r) => set(pointer, get(a), i32.const(4 * r), i32.add)),
          [set(pc, get(target)), set(i, get(rows))],
          countDown(
            i,
            1,
            [set(pb, get(panel)), set(add, get(accumulate))],
            [set(blocksLeft, get(blocks)), countDown(blocksLeft, 1, oneBlock(most))],
            rest > 0 ? oneBlock(rest) : [],
            set(pc, get(pc), get(rowC), i32.const(ROWS), i32.mul, i32.add),
          ),
          step(panel, panelBytes),
          advance(target, 32),
        ),
        [step(a, planeA), step(b, planeB), step(c, planeC)],
      ),
    ];
  });
}

/**
 * The product with these distances from point to point (of a, b and c) and of c's rows, in floats. They cost nothing as arguments
 * (in the transforms they seemed to cost some percent), so that most shapes of a network share the program, which is soon optimised.
 */
export function productOf(
  engine: Engine,
  { k, block: most }: ProductShape,
  planes: readonly number[],
  row: number,
): (...args: number[]) => void {
  const rest = k % most;
  const { product } = engine.program(`winograd product ${most} ${rest}`, (features) => [
    productFunction(features, most, rest),
  ]);
  const [planeA, planeB, planeC] = planes;
  return product.bind(null, Math.floor(k / most), 4 * planeA, 4 * planeB, 4 * planeC, 4 * row);
}

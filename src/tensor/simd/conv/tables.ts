/**
 * The parts of a convolution by implicit im2col that are not the tile itself (matmul-kernel.ts): surrounding images with zeros,
 * gathering panels through tables of addresses, putting results where they belong.
 *
 *   table of steps     table of lines                          panel, as the tile reads it
 *   [s0 s1 s2 …]   ×   [l0 l1 … l7]      →      target[p·width + i] = source[steps[p] + lines[i]]
 *
 * A line is what becomes a row of A or a column of B, a step is one summand. All offsets are in bytes.
 * Next: im2col.ts, which makes the tables.
 */

import { advance, copyRun, whileAtLeast } from "../loops.ts";
import { transpose4 } from "../pack.ts";
import {
  block,
  branch,
  branchIf,
  type Code,
  type Func,
  f32,
  f32x4,
  func,
  get,
  i32,
  type Local,
  set,
  v128,
} from "../wasm/assembler.ts";

const moveBy = (pointer: Local, bytes: Local): Code => set(pointer, get(pointer), get(bytes), i32.add);

/** pad(source, target, planes, H, W, rowBytes, planeBytes): planes of H × W into the insides of larger planes. */
export function padFunction(): Func {
  return func("pad", ["i32", "i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [source, target, planes, H, W, rowBytes, planeBytes] = [0, 1, 2, 3, 4, 5, 6];
    const [h, row, to, count] = locals.many("i32", 4);
    return whileAtLeast(
      planes,
      1,
      set(row, get(target)),
      set(h, get(H)),
      whileAtLeast(
        h,
        1,
        set(to, get(row)),
        set(count, get(W)),
        copyRun(to, source, count),
        moveBy(row, rowBytes),
        advance(h, -1),
      ),
      moveBy(target, planeBytes),
      advance(planes, -1),
    );
  });
}

/**
 * gatherRuns…(source, lines, steps, target, k): a panel whose lines are neighbours in memory, four by four, so that
 * each step copies vectors. `width` is a multiple of 4.
 */
export function gatherRunsFunction(name: string, width: number): Func {
  return func(name, ["i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [source, lines, steps, target, k] = [0, 1, 2, 3, 4];
    const quads = locals.many("i32", width / 4);
    const step = locals.make("i32");
    return [
      quads.map((quad, q) => set(quad, get(source), get(lines), i32.load(16 * q), i32.add)),
      whileAtLeast(
        k,
        1,
        set(step, get(steps), i32.load()),
        quads.map((quad, q) => [get(target), get(quad), get(step), i32.add, v128.load(), v128.store(16 * q)]),
        advance(steps, 4),
        advance(target, 4 * width),
        advance(k, -1),
      ),
    ];
  });
}

/**
 * gather…(source, lines, steps, target, k): any panel. Where four steps in a row are neighbours in memory, each line's
 * four numbers are loaded as a vector and the panel is transposed in registers; elsewhere number by number.
 */
export function gatherFunction(name: string, width: number): Func {
  return func(name, ["i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [source, lines, steps, target, k] = [0, 1, 2, 3, 4];
    const pointers = locals.many("i32", width);
    const rows = locals.many("v128", 4);
    const halves = locals.many("v128", 4);
    const step = locals.make("i32");
    const quads = Math.floor(width / 4);
    const at = (line: number): Code => [get(pointers[line]), get(step), i32.add];
    const oneStep: Code = [
      set(step, get(steps), i32.load()),
      pointers.map((_, i) => [get(target), at(i), f32.load(), f32.store(4 * i)]),
      advance(steps, 4),
      advance(target, 4 * width),
      advance(k, -1),
    ];
    // Leaves the enclosing block unless steps[0 … 3] are one another's neighbours.
    const needNeighbours = [1, 2, 3].map((i) => [
      get(steps),
      i32.load(4 * i),
      [get(step), i32.const(4 * i), i32.add],
      i32.sub,
      branchIf(0),
    ]);
    return [
      pointers.map((pointer, i) => set(pointer, get(source), get(lines), i32.load(4 * i), i32.add)),
      whileAtLeast(
        k,
        4,
        set(step, get(steps), i32.load()),
        block(
          block(
            needNeighbours,
            Array.from({ length: quads }, (_, q) => [
              rows.map((row, r) => set(row, at(4 * q + r), v128.load())),
              transpose4(rows, halves),
              rows.map((row, p) => [get(target), get(row), v128.store(4 * (width * p + 4 * q))]),
            ]),
            pointers.slice(4 * quads).map((_, r) => {
              const line = 4 * quads + r;
              return [0, 1, 2, 3].map((p) => [
                get(target),
                at(line),
                f32.load(4 * p),
                f32.store(4 * (width * p + line)),
              ]);
            }),
            advance(steps, 16),
            advance(target, 16 * width),
            advance(k, -4),
            branch(1),
          ),
          [oneStep, oneStep, oneStep, oneStep],
        ),
      ),
      whileAtLeast(k, 1, oneStep),
    ];
  });
}

/** scatter(source, target, targets, rows, columns, rowBytes): target row [targets[j]] → source row [j], all rows. */
export function scatterFunction(): Func {
  return func("scatter", ["i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [source, target, targets, rows, columns, rowBytes] = [0, 1, 2, 3, 4, 5];
    const [j, table] = locals.many("i32", 2);
    return whileAtLeast(
      rows,
      1,
      set(j, get(columns)),
      set(table, get(targets)),
      whileAtLeast(
        j,
        1,
        [get(target), get(table), i32.load(), i32.add, get(source), f32.load(), f32.store()],
        advance(source, 4),
        advance(table, 4),
        advance(j, -1),
      ),
      moveBy(target, rowBytes),
      advance(rows, -1),
    );
  });
}

/** addBias(y, b, images, O, L): y[n, o, l] += b[o]. */
export function addBiasFunction(): Func {
  return func("addBias", ["i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [y, b, images, O, L] = [0, 1, 2, 3, 4];
    const [o, bias, count] = locals.many("i32", 3);
    const value = locals.make("f32");
    const vector = locals.make("v128");
    return whileAtLeast(
      images,
      1,
      set(o, get(O)),
      set(bias, get(b)),
      whileAtLeast(
        o,
        1,
        set(value, get(bias), f32.load()),
        set(vector, get(value), f32x4.splat),
        set(count, get(L)),
        whileAtLeast(
          count,
          4,
          [get(y), get(y), v128.load(), get(vector), f32x4.add, v128.store()],
          advance(y, 16),
          advance(count, -4),
        ),
        whileAtLeast(
          count,
          1,
          [get(y), get(y), f32.load(), get(value), f32.add, f32.store()],
          advance(y, 4),
          advance(count, -1),
        ),
        advance(bias, 4),
        advance(o, -1),
      ),
      advance(images, -1),
    );
  });
}

/**
 * Strided copies. Their innermost run is contiguous on both sides (slices, padding, concatenation), repeats one number
 * (expand), is contiguous on each side along another axis (transposition), or none of these (every second pixel):
 *
 *   runs       x ├────┤ ├────┤      →   y ├────┤├────┤
 *   transpose  x ├────┤             →   y │ │ │ │          four by four in registers
 *                ├────┤                   │ │ │ │
 *   steps      x │ │ │ │            →   y ││││             number by number, a third of the plain tier's time
 *
 * Runs of fewer than four numbers are left to the plain tier.
 */
import type { CopyGeometry } from "../geometry/copy.ts";
import type { Floats } from "../memory.ts";
import { sizeOf } from "../shape.ts";
import { advance, copyRun, countDown, eachRange, GRAIN, step, sweep } from "./loops.ts";
import { transpose4 } from "./pack.ts";
import { type Code, type Func, f32, func, get, i32, set, v128 } from "./wasm/assembler.ts";
import type { Engine } from "./wasm/engine.ts";
import { worthMoving } from "./worth.ts";

const SHORTEST_RUN = 4;

export function copyStrided(engine: Engine, x: Floats, y: Floats, g: CopyGeometry): boolean {
  const { shape, xStrides, yStrides } = g;
  const last = shape.length - 1;
  if (last < 0 || shape[last] < SHORTEST_RUN || !worthMoving(engine, sizeOf(shape), x, y)) return false;
  const along = xStrides.indexOf(1);
  const runs = yStrides[last] === 1 && (xStrides[last] === 1 || xStrides[last] === 0);
  const transposes = !runs && yStrides[last] === 1 && along >= 0 && along < last && shape[along] >= SHORTEST_RUN;
  const splat = xStrides[last] === 0;
  const steps = [4 * xStrides[last], 4 * yStrides[last]] as const;
  const key = transposes ? "transpose" : runs ? `copy rows${splat ? " of one number" : ""}` : `copy steps ${steps}`;
  const { copyRows } = engine.program<"copyRows">(key, () => [
    transposes ? transposeFunction() : runs ? copyRowsFunction(splat) : copyStepsFunction(...steps),
  ]);
  // The two inner loops: the last axis and, if there is one, the axis beside it or the transposed one.
  const beside = transposes ? along : last - 1;
  const outerAxes = shape.map((_, axis) => axis).filter((axis) => axis !== last && axis !== beside);
  const count = beside >= 0 ? shape[beside] : 1;
  const rows = sizeOf(shape) / shape[last];
  const xBeside = beside >= 0 ? xStrides[beside] : 0;
  const dx4 = 4 * (transposes ? xStrides[last] : xBeside);
  const dy = beside >= 0 ? yStrides[beside] : 0;
  return engine.run((call) => {
    const px = call.input(x);
    // y's other elements keep their values.
    const py = call.update(y);
    if (rows === 1) {
      eachRange(call, shape[last], (from, many) => {
        copyRows(
          px + 4 * (g.xOffset + from * xStrides[last]),
          py + 4 * (g.yOffset + from * yStrides[last]),
          many,
          1,
          dx4,
          0,
        );
      });
      return;
    }
    // Rows are numbered through; each thread takes a range of them. To write a call down takes as long as to copy some dozens of numbers.
    const grain = count * shape[last] < 64 ? rows : Math.ceil(GRAIN / shape[last]);
    call.split(rows, grain, (from, to) => {
      const index = new Array<number>(shape.length).fill(0);
      for (let row = 0, i = g.xOffset, j = g.yOffset; row < to; row += count) {
        const skipped = Math.max(from - row, 0);
        const many = Math.min(to - row, count) - skipped;
        // Along the transposed axis, numbers of x are neighbours.
        if (many > 0)
          copyRows(px + 4 * (i + skipped * xBeside), py + 4 * (j + skipped * dy), shape[last], many, dx4, 4 * dy);
        for (let k = outerAxes.length - 1; k >= 0; k--) {
          const axis = outerAxes[k];
          i += xStrides[axis];
          j += yStrides[axis];
          if (++index[axis] < shape[axis]) break;
          i -= xStrides[axis] * shape[axis];
          j -= yStrides[axis] * shape[axis];
          index[axis] = 0;
        }
      }
    });
  });
}

/** copyRows(x, y, inner, count, xBytes, yBytes): `count` rows; the bytes are from one row's start to the next. */
export function copyRowsFunction(splat: boolean): Func {
  return func("copyRows", ["i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [x, y, inner, count, xBytes, yBytes] = [0, 1, 2, 3, 4, 5];
    const [n, from, to] = locals.many("i32", 3);
    const number = locals.make("v128");
    return countDown(
      count,
      1,
      [set(n, get(inner)), set(from, get(x)), set(to, get(y))],
      splat
        ? [
            set(number, get(x), v128.load32Splat()),
            sweep(n, [to], (access) => access.vectors.map((v) => access.store(to, v, get(number)))),
          ]
        : copyRun(to, from, n),
      [step(x, xBytes), step(y, yBytes)],
    );
  });
}

/** copyRows(x, y, inner, count, xBytes, yBytes): rows whose numbers are xStep and yStep bytes apart. */
function copyStepsFunction(xStep: number, yStep: number): Func {
  return func("copyRows", ["i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [x, y, inner, count, xBytes, yBytes] = [0, 1, 2, 3, 4, 5];
    const [n, from, to] = locals.many("i32", 3);
    const move = (numbers: number): Code =>
      countDown(
        n,
        numbers,
        Array.from({ length: numbers }, (_, i) => [get(to), get(from), f32.load(i * xStep), f32.store(i * yStep)]),
        [advance(from, numbers * xStep), advance(to, numbers * yStep)],
      );
    return countDown(count, 1, [set(n, get(inner)), set(from, get(x)), set(to, get(y))], move(4), move(1), [
      step(x, xBytes),
      step(y, yBytes),
    ]);
  });
}

/**
 * copyRows(x, y, inner, count, xBytes, yBytes): y[c, i] → x[i, c], for i < inner, c < count; xBytes and yBytes are from
 * one row to the next.
 */
export function transposeFunction(): Func {
  return func("copyRows", ["i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [x, y, inner, count, xBytes, yBytes] = [0, 1, 2, 3, 4, 5];
    const [n, from, to] = locals.many("i32", 3);
    const lines = locals.many("i32", 4);
    const targets = locals.many("i32", 4);
    const rows = locals.many("v128", 4);
    const halves = locals.many("v128", 4);
    const chain = (pointers: readonly number[], first: number, bytes: number) =>
      pointers.map((p, r) => set(p, r === 0 ? get(first) : [get(pointers[r - 1]), get(bytes), i32.add]));
    /** One column of x into one row of y, number by number. */
    const singly = countDown(n, 1, [get(to), get(from), f32.load(), f32.store()], [step(from, xBytes), advance(to, 4)]);
    return [
      countDown(
        count,
        4,
        [set(n, get(inner)), set(from, get(x)), chain(targets, y, yBytes)],
        countDown(
          n,
          4,
          chain(lines, from, xBytes),
          rows.map((row, r) => set(row, get(lines[r]), v128.load())),
          transpose4(rows, halves),
          rows.map((row, r) => [get(targets[r]), get(row), v128.store()]),
          targets.map((target) => advance(target, 16)),
          set(from, get(lines[3]), get(xBytes), i32.add),
        ),
        // The remaining rows of x, fewer than four.
        countDown(
          n,
          1,
          targets.map((target, r) => [[get(target), get(from), f32.load(4 * r), f32.store()], advance(target, 4)]),
          step(from, xBytes),
        ),
        advance(x, 16),
        set(y, get(targets[3])),
        // targets[3] is past its row: from there to the next row's start.
        set(y, get(y), get(inner), i32.const(2), i32.shiftLeft, i32.sub, get(yBytes), i32.add),
      ),
      countDown(count, 1, [set(n, get(inner)), set(from, get(x)), set(to, get(y))], singly, [
        advance(x, 4),
        step(y, yBytes),
      ]),
    ];
  });
}

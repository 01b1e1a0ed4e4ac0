/**
 * What follows the sums of a convolution: y → y + b, + add, max 0, in this order and in one pass. An algorithm runs it on
 * each part of y that it has computed, while the part is in the cache.
 */
import type { Floats } from "../../memory.ts";
import { advance, countDown, step, sweep } from "../loops.ts";
import { type Code, constant, type Func, f32x4, func, get, set, v128 } from "../wasm/assembler.ts";
import type { Call, Engine } from "../wasm/engine.ts";

/** Each of them may be absent. */
export interface Ending {
  /** A number for each filter. */
  readonly b: Floats | null;
  /** Of y's shape. */
  readonly add: Floats | null;
  readonly relu: boolean;
}

export const NO_ENDING: Ending = { b: null, add: null, relu: false };

/** Finishes `rows` filters of `columns` results, from y[at] on, rows `rowFloats` apart; the first is filter `o`. */
export type Finish = (at: number, o: number, rows: number, columns: number, rowFloats: number) => void;

/** The ending for y at an address. It may be called in `split`. */
export function finishing(engine: Engine, call: Call, y: number, { b, add, relu }: Ending): Finish {
  if (!b && !add && !relu) return () => {};
  const key = `finish${b ? " bias" : ""}${add ? " add" : ""}${relu ? " relu" : ""}`;
  const { finish } = engine.program<"finish">(key, () => [finishFunction(b !== null, add !== null, relu)]);
  const [pb, pa] = [b ? call.input(b) : 0, add ? call.input(add) : 0];
  return (at, o, rows, columns, rowFloats) =>
    finish(y + 4 * at, pb + 4 * o, pa + 4 * at, rows, columns, 4 * (rowFloats - columns));
}

/** finish(y, b, add, rows, columns, skip): `skip` bytes separate a row's end from the next row's start. */
function finishFunction(biased: boolean, adds: boolean, relu: boolean): Func {
  return func("finish", ["i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [y, b, add, rows, columns, skip] = [0, 1, 2, 3, 4, 5];
    const n = locals.make("i32");
    const bias = locals.make("v128");
    const pointers = adds ? [y, add] : [y];
    const result = (value: Code, added: Code): Code => [
      value,
      biased ? [get(bias), f32x4.add] : [],
      adds ? [added, f32x4.add] : [],
      // As in `relu`: NaN stays.
      relu ? [constant(0), f32x4.pmax] : [],
    ];
    return countDown(
      rows,
      1,
      set(n, get(columns)),
      biased ? [set(bias, get(b), v128.load32Splat()), advance(b, 4)] : [],
      sweep(n, pointers, (access) =>
        access.vectors.map((v) => access.store(y, v, result(access.load(y, v), access.load(add, v)))),
      ),
      pointers.map((pointer) => step(pointer, skip)),
    );
  });
}

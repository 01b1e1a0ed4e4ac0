/**
 * Loops over rows of numbers, which is all that the memory-bound kernels are.
 *
 *   ├── 16 numbers ──┼── 16 numbers ──┼ 4 ┼ 4 ┼1┼1┼      sixteen at a time, then four, then one
 *
 * The loop's body is written once, for vectors. It does not load and store by itself but through an `Access`, which the
 * loop hands to it three times: for four vectors at once, for one, and for a single number in lane 0. So a kernel is
 * right for every length, and an operation is one expression.
 *
 * Why four vectors: with one, the loop's counting costs as much as an addition. Next: elementwise.ts.
 */
import { block, branchIf, type Code, type Func, f32x4, func, get, i32, type Local, loop, set, v128 } from "./assembler.ts";
import type { Locals } from "./assembler.ts";

/** How the body of a loop reaches its numbers. */
export interface Access {
  /** The vectors of this pass: 0 … 3, or 0 alone. */
  readonly vectors: readonly number[];
  /** Vector v at the pointer. A single number comes four times, so that no lane holds what is not in the array. */
  load(pointer: Local, v: number): Code;
  store(pointer: Local, v: number, ...value: Code): Code;
  /** The value with zeros in the lanes that do not count: what sums add up. */
  counted(...value: Code): Code;
}

function vectorAccess(vectors: readonly number[]): Access {
  return {
    vectors,
    load: (pointer, v) => [get(pointer), v128.load(16 * v)],
    store: (pointer, v, ...value) => [get(pointer), value, v128.store(16 * v)],
    counted: (...value) => value,
  };
}

const fourVectors = vectorAccess([0, 1, 2, 3]);
const oneVector = vectorAccess([0]);
const oneNumber: Access = {
  vectors: [0],
  load: (pointer) => [get(pointer), v128.load32Splat()],
  store: (pointer, _, ...value) => [get(pointer), value, v128.store32()],
  counted: (...value) => [value, v128.constInt(-1, 0, 0, 0), v128.and],
};

export const advance = (pointer: Local, bytes: number): Code => set(pointer, get(pointer), i32.const(bytes), i32.add);

/** Repeats `body`, each time lowering `counter` by `step`, while it is at least `step`. */
export function countDown(counter: Local, step: number, ...body: Code): Code {
  return block(
    [get(counter), i32.const(step), i32.lessSigned, branchIf(0)],
    loop(body, advance(counter, -step), [get(counter), i32.const(step - 1), i32.greaterSigned, branchIf(0)]),
  );
}

/** Runs `body` over n numbers at each of the pointers, which end behind them; n ends at 0. */
export function sweep(n: Local, pointers: readonly Local[], body: (access: Access) => Code): Code {
  return [fourVectors, oneVector, oneNumber].map((access) => {
    const numbers = access === oneNumber ? 1 : 4 * access.vectors.length;
    return countDown(
      n,
      numbers,
      body(access),
      pointers.map((pointer) => advance(pointer, 4 * numbers)),
    );
  });
}

/** The variables of a loop over rows: parameters of its function. */
export interface Rows {
  /** How many rows; ends at 0. */
  readonly outer: Local;
  /** Numbers in a row. */
  readonly inner: Local;
  /** Bytes between the end of a row and the start of the next. */
  readonly skip: Local;
  readonly pointers: readonly Local[];
}

/** Runs `body` over `outer` rows of `inner` numbers, the same steps for every pointer. */
export function sweepRows(
  locals: Locals,
  { outer, inner, skip, pointers }: Rows,
  body: (access: Access) => Code,
): Code {
  const n = locals.make("i32");
  return countDown(
    outer,
    1,
    set(n, get(inner)),
    sweep(n, pointers, body),
    pointers.map((pointer) => set(pointer, get(pointer), get(skip), i32.add)),
  );
}

/** A new vector variable that holds the float32 parameter four times, and the instructions that fill it. */
export function splatted(locals: Locals, number: Local): [Local, Code] {
  const vector = locals.make("v128");
  return [vector, set(vector, get(number), f32x4.splat)];
}

/** Which of a map's arrays it loads and which it stores; numbers are float32 parameters, the same for all elements. */
export interface MapShape {
  readonly arrays: number;
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  readonly numbers?: number;
}

/**
 * map(…addresses, n, …numbers): runs `body` on every element. It finds the arrays' elements, as vectors, in the variables
 * `x`, leaves the results there, and finds the numbers in `p`.
 */
export function mapFunction(
  { arrays, reads, writes, numbers = 0 }: MapShape,
  body: (x: readonly Local[], p: readonly Local[], locals: Locals) => Code,
): Func {
  const types = [...Array<"i32">(arrays + 1).fill("i32"), ...Array<"f32">(numbers).fill("f32")];
  return func("map", types, (locals) => {
    const pointers = Array.from({ length: arrays }, (_, i) => i);
    const splats = Array.from({ length: numbers }, (_, i) => splatted(locals, arrays + 1 + i));
    const x = locals.many("v128", arrays);
    const p = splats.map(([vector]) => vector);
    const compute = body(x, p, locals);
    return [
      splats.map(([, fill]) => fill),
      sweep(arrays, pointers, (access) =>
        access.vectors.map((v) => [
          reads.map((i) => set(x[i], access.load(i, v))),
          compute,
          writes.map((i) => access.store(i, v, get(x[i]))),
        ]),
      ),
    ];
  });
}

/**
 * Loops over rows of numbers: memory-bound kernels consist of nothing else.
 *
 *   ├── 16 numbers ──┼── 16 numbers ──┼ 4 ┼ 4 ┼1┼1┼      sixteen at a time, then four, then one
 *
 * A loop's body is written once, for vectors. It loads and stores only through an `Access`. The loop passes it three of
 * these: for four vectors at once, for one, and for a single number in lane 0. So a kernel is right for every length,
 * and an operation is one expression.
 *
 * Why four vectors: with one, the loop's counter costs as much as an addition. Next: elementwise.ts.
 */

import { type RunningSum, runningSum, SUM_LANES } from "./sums.ts";
import {
  block,
  branch,
  branchIf,
  type Code,
  type Func,
  f32x4,
  func,
  get,
  i32,
  type Local,
  type Locals,
  loop,
  set,
  v128,
} from "./wasm/assembler.ts";
import type { Call } from "./wasm/engine.ts";

/** A compiled function. */
export type Compiled = (...args: number[]) => void;

/** How a loop's body reaches its numbers. */
export interface Access {
  /** The vectors of this pass: 0 … 3, or 0 alone. */
  readonly vectors: readonly number[];
  /** Vector v at the pointer. A single number fills all four lanes, so none holds a number from outside the array. */
  load(pointer: Local, v: number): Code;
  store(pointer: Local, v: number, ...value: readonly Code[]): Code;
  /** The value, with zeros in the lanes that do not count: for sums. */
  counted(...value: readonly Code[]): Code;
}

function vectorAccess(vectors: readonly number[]): Access {
  return {
    vectors,
    load: (pointer, v) => [get(pointer), v128.load(16 * v)],
    store: (pointer, v, ...value) => [get(pointer), value, v128.store(16 * v)],
    counted: (...value) => value,
  };
}

const fourVectors = /* @__PURE__ */ vectorAccess([0, 1, 2, 3]);
const oneVector = /* @__PURE__ */ vectorAccess([0]);
const oneNumber: Access = {
  vectors: [0],
  load: (pointer) => [get(pointer), v128.load32Splat()],
  store: (pointer, _, ...value) => [get(pointer), value, v128.store32()],
  counted: (...value) => [value, v128.constInt(-1, 0, 0, 0), v128.and],
};

/** Repeats `body` while `counter` ≥ `least`; the body must lower the counter. */
export function whileAtLeast(counter: Local, least: number, ...body: readonly Code[]): Code {
  return block(loop(get(counter), i32.const(least), i32.lessSigned, branchIf(1), body, branch(0)));
}

/** pointer += a number of bytes. */
export const advance = (pointer: Local, bytes: number): Code => set(pointer, get(pointer), i32.const(bytes), i32.add);
/** pointer += the bytes in a variable. */
export const step = (pointer: Local, bytes: Local): Code => set(pointer, get(pointer), get(bytes), i32.add);

/** Repeats `body`, each time lowering `counter` by `by`, while it is at least `by`. */
export function countDown(counter: Local, by: number, ...body: readonly Code[]): Code {
  return block(
    [get(counter), i32.const(by), i32.lessSigned, branchIf(0)],
    loop(body, advance(counter, -by), [get(counter), i32.const(by - 1), i32.greaterSigned, branchIf(0)]),
  );
}

/** Runs `body` over n numbers at each of the pointers, which end after them; n ends below 1. */
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

/** Copies n numbers; the pointers end after them, n below 1. */
export function copyRun(to: Local, from: Local, n: Local): Code {
  return sweep(n, [to, from], (access) => access.vectors.map((v) => access.store(to, v, access.load(from, v))));
}

/** The shape of a function over rows: the arrays it loads and stores, and how many numbers and sums it has. */
export interface RowsShape {
  readonly arrays: number;
  readonly reads: readonly number[];
  readonly writes?: readonly number[];
  /** float32, the same for all elements. */
  readonly numbers?: number;
  readonly sums?: number;
}

/** The variables of a function over rows. */
export interface RowsVariables {
  /** A vector of each array: its elements before the body, its results after. */
  readonly x: readonly Local[];
  /** Each number, repeated four times. */
  readonly p: readonly Local[];
  /** The terms that the body adds to each sum. */
  readonly terms: readonly Local[];
  /** Address of the results other than arrays. */
  readonly lanes: Local;
  readonly locals: Locals;
}

/** Instructions for each vector; optionally with some before the first and after the last. */
export type RowsBody = Code | { readonly before: Code; readonly each: Code; readonly after: Code };

/** The variables of a function over rows, and its instructions. With a `list`, what sums would add is written there instead. */
function rowParts(
  locals: Locals,
  lanes: Local,
  { arrays, reads, writes = [], numbers = 0, sums = 0 }: RowsShape,
  body: (variables: RowsVariables) => RowsBody,
  list: Local | null = null,
): { n: Local; p: readonly Local[]; pointers: readonly Local[]; running: readonly RunningSum[] } & Record<
  "before" | "row" | "after",
  Code
> {
  const n = locals.make("i32");
  const x = locals.many("v128", arrays);
  const p = locals.many("v128", numbers);
  const terms = locals.many("v128", sums);
  const totals = terms.map(() => locals.make("v128"));
  const running = terms.map(() => runningSum(locals));
  const code = body({ x, p, terms, lanes, locals });
  const { before, each, after } =
    typeof code === "object" && "each" in code ? code : { before: [], each: code, after: [] };
  const pointers = [...new Set([...reads, ...writes])];
  const row = sweep(n, pointers, (access) => [
    access.vectors.map((v) => [
      reads.map((i) => set(x[i], access.load(i, v))),
      each,
      writes.map((i) => access.store(i, v, get(x[i]))),
      totals.map((total, s) => set(total, get(terms[s]), v === 0 ? [] : [get(total), f32x4.add])),
    ]),
    totals.map((total) => set(total, access.counted(get(total)))),
    list === null
      ? running.map((sum, s) => sum.add(totals[s]))
      : [totals.map((total, s) => [get(list), get(total), v128.store(16 * s)]), advance(list, 16 * sums)],
  ]);
  return { n, p, pointers, running, before, row, after };
}

/**
 * name(…addresses, outer, inner, skip, lanes, …numbers): runs the body on every element of `outer` rows of `inner`
 * numbers. `skip` bytes separate a row's end from the next row's start, the same in all arrays. Stores the sums' lanes
 * (sums.ts) at `lanes`, one sum after the other.
 */
export function rowsFunction(name: string, shape: RowsShape, body: (variables: RowsVariables) => RowsBody): Func {
  const { arrays, numbers = 0 } = shape;
  const types = [...Array<"i32">(arrays + 4).fill("i32"), ...Array<"f32">(numbers).fill("f32")];
  return func(name, types, (locals) => {
    const [outer, inner, skip, lanes] = [arrays, arrays + 1, arrays + 2, arrays + 3];
    const { n, p, pointers, running, before, row, after } = rowParts(locals, lanes, shape, body);
    return [
      p.map((vector, i) => set(vector, get(arrays + 4 + i), f32x4.splat)),
      before,
      countDown(
        outer,
        1,
        set(n, get(inner)),
        row,
        pointers.map((pointer) => step(pointer, skip)),
      ),
      running.map((sum, s) => sum.store(lanes, 8 * SUM_LANES * s)),
      after,
    ];
  });
}

/** Floats in a group's record: the lanes of its sums, then its numbers, in whole vectors. */
export function recordFloats({ numbers = 0, sums = 0 }: Pick<RowsShape, "numbers" | "sums">): number {
  return 2 * SUM_LANES * sums + 4 * Math.ceil(numbers / 4);
}

/**
 * name(…addresses, outer, groups, inner, records): the same for whole arrays `[outer, groups, inner]`, with numbers and
 * sums for each group in its record; sums are added to the values there.
 *
 * One group after the other would be simpler, but its rows lie far apart in memory: 490 µs instead of 155 for the two
 * sums of batch norm's gradient over 2 MiB arrays.
 *
 * With `lists` there is one more argument: an address where what the sums would add is written (group-sums.ts).
 */
export function groupsFunction(
  name: string,
  shape: RowsShape,
  body: (variables: RowsVariables) => Code,
  lists = false,
): Func {
  const { arrays, sums = 0 } = shape;
  return func(name, Array<"i32">(arrays + (lists ? 6 : 5)).fill("i32"), (locals) => {
    const [outer, groups, inner, records, skip] = [arrays, arrays + 1, arrays + 2, arrays + 3, arrays + 4];
    const [group, record] = locals.many("i32", 2);
    const { n, p, pointers, running, row } = rowParts(locals, records, shape, body, lists ? arrays + 5 : null);
    return countDown(
      outer,
      1,
      [set(group, get(groups)), set(record, get(records))],
      countDown(
        group,
        1,
        p.map((vector, i) => set(vector, get(record), v128.load32Splat(8 * SUM_LANES * sums + 4 * i))),
        lists ? [] : running.map((sum, s) => sum.load(record, 8 * SUM_LANES * s)),
        set(n, get(inner)),
        row,
        lists ? [] : running.map((sum, s) => sum.store(record, 8 * SUM_LANES * s)),
        advance(record, 4 * recordFloats(shape)),
      ),
      pointers.map((pointer) => step(pointer, skip)),
    );
  });
}

/** Numbers for which it pays to wake a thread: some microseconds of memory-bound work. */
export const GRAIN = 16384;

/** Runs `body` on ranges of n numbers, on all threads. No two of them write to the same cache line. */
export function eachRange(call: Call, n: number, body: (from: number, count: number) => void): void {
  const line = (i: number): number => (i === n ? n : 16 * Math.floor(i / 16));
  call.split(n, GRAIN, (from, to) => body(line(from), line(to) - line(from)));
}

/** Runs a function over rows on all of n numbers, on all threads. */
export function mapRange(
  call: Call,
  map: Compiled,
  n: number,
  addresses: readonly number[],
  ...numbers: readonly number[]
): void {
  eachRange(call, n, (from, count) => {
    map(...addresses.map((address) => address + 4 * from), 1, count, 0, 0, ...numbers);
  });
}

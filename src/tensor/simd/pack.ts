/**
 * Packing: copying a panel of a matrix into the order in which the tile reads it, `width` numbers for each step of k.
 *
 *   element (i, p) of the panel, i < width, p < k   →   target[p·width + i]
 *
 * In the source, one of two directions is contiguous. If it is the panel's (element (i, p) at p·stride + i: rows of B,
 * or A stored transposed), packing copies. If it is k (element (i, p) at i·stride + p: rows of A, or B stored
 * transposed), packing transposes, four by four in registers. Panels at the matrix's edge have fewer than `width`
 * lines; the missing ones are zeros.
 */
import { advance, whileAtLeast } from "./loops.ts";
import {
  block,
  branch,
  branchIf,
  type Code,
  type Func,
  f32,
  func,
  get,
  i32,
  type Local,
  loop,
  set,
  shuffle32,
  v128,
} from "./wasm/assembler.ts";

/** copy(source, target, strideBytes, k): the panel's direction is contiguous. */
export function packByCopying(name: string, width: number): Func {
  return func(name, ["i32", "i32", "i32", "i32"], () => {
    const [source, target, stride, k] = [0, 1, 2, 3];
    const vectors = Math.floor(width / 4);
    const rest = width % 4;
    return whileAtLeast(
      k,
      1,
      Array.from({ length: vectors }, (_, v) => [get(target), get(source), v128.load(16 * v), v128.store(16 * v)]),
      Array.from({ length: rest }, (_, r) => {
        const at = 16 * vectors + 4 * r;
        return [get(target), get(source), f32.load(at), f32.store(at)];
      }),
      set(source, get(source), get(stride), i32.add),
      advance(target, 4 * width),
      advance(k, -1),
    );
  });
}

/** transpose(source, target, strideBytes, k): k is contiguous. */
export function packByTransposing(name: string, width: number): Func {
  return func(name, ["i32", "i32", "i32", "i32"], (locals) => {
    const [source, target, stride, k] = [0, 1, 2, 3];
    const lines = locals.many("i32", width);
    const rows = locals.many("v128", 4);
    const halves = locals.many("v128", 4);
    const quads = Math.floor(width / 4);
    return [
      lines.map((line, i) => set(line, i === 0 ? get(source) : [get(lines[i - 1]), get(stride), i32.add])),
      whileAtLeast(
        k,
        4,
        Array.from({ length: quads }, (_, q) => [
          rows.map((row, r) => set(row, get(lines[4 * q + r]), v128.load())),
          transpose4(rows, halves),
          rows.map((row, p) => [get(target), get(row), v128.store(4 * (width * p + 4 * q))]),
        ]),
        lines
          .slice(4 * quads)
          .map((line, r) =>
            [0, 1, 2, 3].map((p) => [
              get(target),
              get(line),
              f32.load(4 * p),
              f32.store(4 * (width * p + 4 * quads + r)),
            ]),
          ),
        lines.map((line) => advance(line, 16)),
        advance(target, 16 * width),
        advance(k, -4),
      ),
      whileAtLeast(
        k,
        1,
        lines.map((line, i) => [get(target), get(line), f32.load(), f32.store(4 * i)]),
        lines.map((line) => advance(line, 4)),
        advance(target, 4 * width),
        advance(k, -1),
      ),
    ];
  });
}

/** Transposes the 4 × 4 numbers in `rows`, with `halves` as scratch. */
export function transpose4(rows: readonly Local[], halves: readonly Local[]): Code {
  const pick = (to: Local, a: Local, b: Local, ...lanes: readonly [number, number, number, number]): Code =>
    set(to, get(a), get(b), shuffle32(...lanes));
  const [r0, r1, r2, r3] = rows;
  const [h0, h1, h2, h3] = halves;
  return [
    pick(h0, r0, r1, 0, 4, 1, 5), // a0 b0 a1 b1
    pick(h1, r0, r1, 2, 6, 3, 7), // a2 b2 a3 b3
    pick(h2, r2, r3, 0, 4, 1, 5), // c0 d0 c1 d1
    pick(h3, r2, r3, 2, 6, 3, 7), // c2 d2 c3 d3
    pick(r0, h0, h2, 0, 1, 4, 5), // a0 b0 c0 d0
    pick(r1, h0, h2, 2, 3, 6, 7), // a1 b1 c1 d1
    pick(r2, h1, h3, 0, 1, 4, 5),
    pick(r3, h1, h3, 2, 3, 6, 7),
  ];
}

/**
 * edge(source, target, strideI, strideP, lines, width, k): any panel, one number at a time, with missing lines as
 * zeros.
 * Strides in bytes.
 */
export function packEdge(): Func {
  return func("edge", ["i32", "i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [source, target, strideI, strideP, lines, width, k] = [0, 1, 2, 3, 4, 5, 6];
    const [i, at] = locals.many("i32", 2);
    return whileAtLeast(
      k,
      1,
      set(i, i32.const(0)),
      set(at, get(source)),
      block(
        loop(
          [get(i), get(width), i32.lessSigned, i32.eqz, branchIf(1)],
          get(target),
          [get(i), get(lines), i32.lessSigned],
          ifFloat([get(at), f32.load()], [f32.const(0)]),
          f32.store(),
          advance(target, 4),
          set(at, get(at), get(strideI), i32.add),
          advance(i, 1),
          branch(0),
        ),
      ),
      set(source, get(source), get(strideP), i32.add),
      advance(k, -1),
    );
  });
}

/** §5.4.1 `if` with a float32 result: the first value if the number on the stack is not zero, else the second. */
function ifFloat(then: Code, otherwise: Code): Code {
  return [0x04, 0x7d, then, 0x05, otherwise, 0x0b];
}

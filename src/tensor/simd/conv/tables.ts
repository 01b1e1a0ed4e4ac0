/**
 * What all algorithms of convolution share: tables of addresses, copies that go through them, and zeros around images.
 *
 *   table of steps     table of lines                          panel, as the tile reads it
 *   [s0 s1 s2 …]   ×   [l0 l1 … l7]      →      target[p·width + i] = source[steps[p] + lines[i]]
 *
 * A line becomes a row of A or a column of B; a step is one summand. All offsets are in bytes.
 * The numbers in the tables come from ../../geometry/patches.ts. Next: im2col.ts, direct.ts.
 */

import { advance, copyRun, step, whileAtLeast } from "../loops.ts";
import { transpose4 } from "../pack.ts";
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
  set,
  v128,
} from "../wasm/assembler.ts";
import type { Call, Engine, Program } from "../wasm/engine.ts";

/** How a table is written. */
interface TableOptions {
  /** Entries; the last offset fills those that `offsets` has none for. Default: as many as offsets. */
  readonly length?: number;
  /** What the offsets count, in floats. Default 1. */
  readonly floats?: number;
}

/** Writes offsets as bytes; returns the table's address. */
export function writeTable(
  engine: Engine,
  call: Call,
  offsets: ArrayLike<number>,
  { length = offsets.length, floats = 1 }: TableOptions = {},
): number {
  const address = call.scratch(length);
  const table = new Int32Array(engine.arena.memory.buffer, address, length);
  for (let i = 0; i < length; i++) table[i] = 4 * floats * offsets[Math.min(i, offsets.length - 1)];
  return address;
}

/** Copies into and out of the insides of larger planes, in a program of their own: many shapes need them. */
export function insides(engine: Engine): Program<"pad" | "crop"> {
  return engine.program("insides", () => [padFunction(), cropFunction()]);
}

/** Zeros in scratch that all threads share. */
export function zero(engine: Engine, address: number, floats: number): void {
  engine.arena.floats.fill(0, address / 4, address / 4 + floats);
}

/** pad(source, target, planes, H, W, rowBytes, planeBytes): planes of H × W into the insides of larger planes. */
export function padFunction(): Func {
  return insidesFunction("pad", "target");
}

/** crop(source, target, planes, H, W, rowBytes, planeBytes): H × W numbers of each larger plane, one plane after another. */
function cropFunction(): Func {
  return insidesFunction("crop", "source");
}

/** Copies planes of H × W. On the side of `larger` rows are rowBytes apart and planes planeBytes; on the other nothing is. */
function insidesFunction(name: string, larger: "source" | "target"): Func {
  return func(name, ["i32", "i32", "i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [source, target, planes, H, W, rowBytes, planeBytes] = [0, 1, 2, 3, 4, 5, 6];
    const [h, row, inside, count] = locals.many("i32", 4);
    const [plane, to, from]: Local[] = larger === "target" ? [target, inside, source] : [source, target, inside];
    return whileAtLeast(
      planes,
      1,
      set(row, get(plane)),
      set(h, get(H)),
      whileAtLeast(
        h,
        1,
        set(inside, get(row)),
        set(count, get(W)),
        copyRun(to, from, count),
        step(row, rowBytes),
        advance(h, -1),
      ),
      step(plane, planeBytes),
      advance(planes, -1),
    );
  });
}

/**
 * gatherRuns…(source, lines, steps, target, k): a panel whose lines are neighbours in memory, four by four. Each step
 * copies vectors. `width` is a multiple of 4.
 */
export function gatherRunsFunction(name: string, width: number): Func {
  return func(name, ["i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [source, lines, steps, target, k] = [0, 1, 2, 3, 4];
    const quads = locals.many("i32", width / 4);
    const offset = locals.make("i32");
    return [
      quads.map((quad, q) => set(quad, get(source), get(lines), i32.load(16 * q), i32.add)),
      whileAtLeast(
        k,
        1,
        set(offset, get(steps), i32.load()),
        quads.map((quad, q) => [get(target), get(quad), get(offset), i32.add, v128.load(), v128.store(16 * q)]),
        advance(steps, 4),
        advance(target, 4 * width),
        advance(k, -1),
      ),
    ];
  });
}

/**
 * gatherWide…(source, lines, steps, target, k): `panels` panels at once, whose lines are all neighbours in memory. One panel after
 * the other would fetch each cache line twice, if a line is two panels wide.
 */
export function gatherWideFunction(name: string, width: number, panels: number): Func {
  return func(name, ["i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [source, lines, steps, target, k] = [0, 1, 2, 3, 4];
    const targets = [target, ...locals.many("i32", panels - 1)];
    const from = locals.make("i32");
    const vectors = Array.from({ length: width / 4 }, (_, v) => 16 * v);
    return [
      set(source, get(source), get(lines), i32.load(), i32.add),
      targets.slice(1).map((to, i) => set(to, get(targets[i]), get(k), i32.const(4 * width), i32.mul, i32.add)),
      whileAtLeast(
        k,
        1,
        set(from, get(source), get(steps), i32.load(), i32.add),
        targets.map((to, panel) =>
          vectors.map((at) => [get(to), get(from), v128.load(4 * width * panel + at), v128.store(at)]),
        ),
        advance(steps, 4),
        targets.map((to) => advance(to, 4 * width)),
        advance(k, -1),
      ),
    ];
  });
}

/**
 * gather…(source, lines, steps, target, k): any panel. Where four steps in a row are neighbours in memory, each line's
 * four numbers are loaded as a vector and transposed in registers. Elsewhere the numbers are copied one by one.
 */
export function gatherFunction(name: string, width: number): Func {
  return func(name, ["i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [source, lines, steps, target, k] = [0, 1, 2, 3, 4];
    const pointers = locals.many("i32", width);
    const rows = locals.many("v128", 4);
    const halves = locals.many("v128", 4);
    const offset = locals.make("i32");
    const quads = Math.floor(width / 4);
    const at = (line: number): Code => [get(pointers[line]), get(offset), i32.add];
    const oneStep: Code = [
      set(offset, get(steps), i32.load()),
      pointers.map((_, i) => [get(target), at(i), f32.load(), f32.store(4 * i)]),
      advance(steps, 4),
      advance(target, 4 * width),
      advance(k, -1),
    ];
    // Leaves the enclosing block unless steps[0 … 3] are neighbours.
    const needNeighbours = [1, 2, 3].map((i) => [
      get(steps),
      i32.load(4 * i),
      [get(offset), i32.const(4 * i), i32.add],
      i32.sub,
      branchIf(0),
    ]);
    return [
      pointers.map((pointer, i) => set(pointer, get(source), get(lines), i32.load(4 * i), i32.add)),
      whileAtLeast(
        k,
        4,
        set(offset, get(steps), i32.load()),
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

/** scatter(source, target, targets, rows, columns, rowBytes): target[targets[j]] → source[j], row after row. */
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
      step(target, rowBytes),
      advance(rows, -1),
    );
  });
}

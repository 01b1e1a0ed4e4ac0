/**
 * Passes over x `[outer, groups, inner]` on all threads: those that sum nothing by rows, and sums over the groups.
 *
 * A group's rows lie in all images, which different threads have written, and are in their caches: to fetch a line from there can cost
 * 260 ns. So where there are several threads, the sums are computed in two passes:
 *
 *   by rows      each sixteen numbers are added in float32 (sums.ts), as always, but written to a list     a quarter of x
 *   by groups    what the rows of a group have in the list is added in float64, in the order of the images
 *
 * The same additions in the same order: the same bits.
 */
import type { NormGeometry } from "../geometry/norm.ts";
import type { Floats } from "../memory.ts";
import { advance, type Compiled, countDown, GRAIN, step } from "./loops.ts";
import type { Records } from "./records.ts";
import { runningSum, SUM_LANES } from "./sums.ts";
import { type Func, func, get, set, v128 } from "./wasm/assembler.ts";
import type { Call, Engine } from "./wasm/engine.ts";

/**
 * Runs a function over groups (`groupsFunction`) that sums nothing, on all threads: each takes rows that lie one after the other,
 * as it did in the kernel that wrote them, so they are in its cache. `written` names those of the arrays that are written.
 */
export function eachRow(
  call: Call,
  pass: Compiled,
  g: NormGeometry,
  arrays: readonly (Floats | null)[],
  written: readonly number[],
  records: Records,
): void {
  call.eachRange(g.outer, arrays, written, (from, to, addresses) =>
    eachRowAt(call, pass, g, [from, to], addresses, records),
  );
}

/** `eachRow` of images `first` to `last`, on addresses. @param list further arguments, for the row that comes first. */
export function eachRowAt(
  call: Call,
  pass: Compiled,
  { groups, inner }: NormGeometry,
  [first, last]: readonly [number, number],
  addresses: readonly number[],
  records: Records,
  list: (row: number) => readonly number[] = () => [],
): void {
  call.split((last - first) * groups, Math.ceil(GRAIN / inner), (from, to) => {
    for (let row = from; row < to; ) {
      // Whole images, or what is left of one.
      const group = row % groups;
      const images = group === 0 ? Math.floor((to - row) / groups) : 0;
      const many = images > 0 ? groups : Math.min(groups - group, to - row);
      const at = first * groups + row;
      const moved = addresses.map((address) => address + 4 * at * inner);
      pass(...moved, Math.max(1, images), many, inner, records.at(group), 0, ...list(at));
      row += Math.max(1, images) * many;
    }
  });
}

/** Whether there are two passes. Where a group's rows are neighbours, or one thread computes, one is better. */
export function inTwoPasses(engine: Engine, { outer }: NormGeometry): boolean {
  return outer > 1 && engine.threadCount > 1;
}

/**
 * Runs a function over groups on all threads. In two passes it is one with `lists`, and `addLists` is `addListsFunction`'s; in one pass
 * that is null. `written` names those of the arrays that are written.
 */
export function sumGroups(
  call: Call,
  pass: Compiled,
  addLists: Compiled | null,
  g: NormGeometry,
  arrays: readonly (Floats | null)[],
  written: readonly number[],
  records: Records,
  sums: number,
): void {
  const { outer, groups, inner } = g;
  if (!addLists) {
    call.eachRange(outer, arrays, written, (first, last, addresses) => {
      const rows = last - first;
      call.split(groups, Math.ceil(GRAIN / (rows * inner)), (from, to) => {
        const moved = addresses.map((address) => address + 4 * inner * (first * groups + from));
        pass(...moved, rows, to - from, inner, records.at(from), 4 * inner * (groups - (to - from)));
      });
    });
    return;
  }
  // How often a row's loop passes (loops.ts), and the bytes of what it writes.
  const passes = Math.floor(inner / 16) + Math.floor((inner % 16) / 4) + (inner % 4);
  const rowBytes = 16 * sums * passes;
  const list = call.scratch((outer * groups * rowBytes) / 4);
  call.eachRange(outer, arrays, written, (first, last, addresses) =>
    eachRowAt(call, pass, g, [first, last], addresses, records, (row) => [list + row * rowBytes]),
  );
  // To add a vector in float64 takes the time of four numbers.
  call.split(groups, Math.ceil(GRAIN / (4 * outer * passes * sums)), (from, to) => {
    const recordBytes = records.at(1) - records.at(0);
    addLists(
      list + from * rowBytes,
      outer,
      to - from,
      passes,
      records.at(from),
      recordBytes,
      rowBytes * (groups - (to - from)),
    );
  });
}

/**
 * addLists(list, outer, groups, passes, records, recordBytes, skip): adds what `passes` passes wrote for each row to the `sums` sums
 * in its group's record.
 */
export function addListsFunction(sums: number): Func {
  return func("addLists", Array<"i32">(7).fill("i32"), (locals) => {
    const [list, outer, groups, passes, records, recordBytes, skip] = [0, 1, 2, 3, 4, 5, 6];
    const [group, record, n] = locals.many("i32", 3);
    const total = locals.make("v128");
    const running = Array.from({ length: sums }, () => runningSum(locals));
    return countDown(
      outer,
      1,
      [set(group, get(groups)), set(record, get(records))],
      countDown(
        group,
        1,
        running.map((sum, s) => sum.load(record, 8 * SUM_LANES * s)),
        set(n, get(passes)),
        countDown(
          n,
          1,
          running.map((sum, s) => [set(total, get(list), v128.load(16 * s)), sum.add(total)]),
          advance(list, 16 * sums),
        ),
        running.map((sum, s) => sum.store(record, 8 * SUM_LANES * s)),
        step(record, recordBytes),
      ),
      step(list, skip),
    );
  });
}

/**
 * Sums over the groups of x `[outer, groups, inner]`, on all threads.
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
import { advance, type Compiled, countDown, eachRow, GRAIN, step } from "./loops.ts";
import type { Records } from "./norm.ts";
import { runningSum, SUM_LANES } from "./sums.ts";
import { type Func, func, get, set, v128 } from "./wasm/assembler.ts";
import type { Call, Engine } from "./wasm/engine.ts";

/** Whether there are two passes. Where a group's rows are neighbours, or one thread computes, one is better. */
export function inTwoPasses(engine: Engine, { outer }: NormGeometry): boolean {
  return outer > 1 && engine.threadCount > 1;
}

/**
 * Runs a function over groups on all threads. In two passes it is one with `lists`, and `addLists` is `addListsFunction`'s; in one pass
 * that is null.
 */
export function sumGroups(
  call: Call,
  pass: Compiled,
  addLists: Compiled | null,
  g: NormGeometry,
  addresses: readonly number[],
  records: Records,
  sums: number,
): void {
  const { outer, groups, inner } = g;
  if (!addLists) {
    call.split(groups, Math.ceil(GRAIN / (outer * inner)), (from, to) => {
      const moved = addresses.map((address) => address + 4 * from * inner);
      pass(...moved, outer, to - from, inner, records.at(from), 4 * inner * (groups - (to - from)));
    });
    return;
  }
  // How often a row's loop passes (loops.ts), and the bytes of what it writes.
  const passes = Math.floor(inner / 16) + Math.floor((inner % 16) / 4) + (inner % 4);
  const rowBytes = 16 * sums * passes;
  const list = call.scratch((outer * groups * rowBytes) / 4);
  eachRow(call, pass, g, addresses, records, (row) => [list + row * rowBytes]);
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

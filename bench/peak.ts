/** How many multiplications and additions a second 128-bit registers can do: a loop that touches no memory. */
import {
  block,
  branchIf,
  type Code,
  f32x4,
  func,
  get,
  i32,
  loop,
  set,
  tee,
  v128,
} from "../src/tensor/simd/wasm/assembler.ts";
import type { Engine } from "../src/tensor/simd/wasm/engine.ts";
import type { Features } from "../src/tensor/simd/wasm/features.ts";
import { PEAK_CHAINS, PEAK_STEPS } from "./works.ts";

const UNROLL = 8;

/**
 * Does `PEAK_STEPS` steps of `PEAK_CHAINS` multiplications and additions. With multiply-add in one instruction each
 * chain is x ← x·1 + 1. Without it, half of the chains multiply, the others add, and a step has two rounds: a chain
 * that did both in turn would wait for itself. As in matmul-kernel.ts, exits that are never taken keep V8 11 from
 * computing one chain after another: together 56 GFLOP/s, where 48 were measured without, and 59 by hand.
 */
export function peak(engine: Engine): () => void {
  const { run } = engine.program<"run">("peak", (features: Features) => [
    func("run", ["i32"], (locals) => {
      const rounds = 0;
      const sums = locals.many("v128", PEAK_CHAINS);
      const one = locals.make("v128");
      const zero = locals.make("i32");
      const half = PEAK_CHAINS / 2;
      const exit = (bit: number): Code => [get(zero), i32.const(1 << bit), i32.and, branchIf(1)];
      const step = (i: number): Code =>
        features.multiplyAdd
          ? sums.map((sum) => set(sum, get(sum), get(one), get(one), f32x4.relaxedMadd))
          : [0, 1].map((again) => [
              sums
                .slice(0, half)
                .map((product, p) => [
                  set(product, get(product), get(one), f32x4.mul),
                  set(sums[half + p], get(sums[half + p]), get(one), f32x4.add),
                ]),
              exit(2 * i + again),
            ]);
      return [
        set(one, v128.const(1, 1, 1, 1)),
        set(zero, i32.const(0), i32.load()),
        block(
          loop(
            Array.from({ length: UNROLL }, (_, i) => step(i)),
            tee(rounds, get(rounds), i32.const(1), i32.sub),
            branchIf(0),
          ),
        ),
        // The sums must be used, or a compiler may leave them out. Nobody uses address 0 (arena.ts), which stays zero.
        sums.map((sum) => [i32.const(0), get(sum), v128.const(0, 0, 0, 0), f32x4.mul, v128.store()]),
      ];
    }),
  ]);
  return () => run(PEAK_STEPS / UNROLL);
}

/** How many multiplications and additions a second 128-bit registers can do: a loop that touches no memory. */
import { branchIf, type Code, f32x4, func, get, i32, loop, set, tee, v128 } from "../src/tensor/simd/assembler.ts";
import type { Engine } from "../src/tensor/simd/engine.ts";
import type { Features } from "../src/tensor/simd/features.ts";
import { PEAK_CHAINS, PEAK_STEPS } from "./works.ts";

const UNROLL = 8;

/**
 * Does `PEAK_STEPS` steps of `PEAK_CHAINS` sums that do not wait for one another: enough to keep two units busy.
 *
 * Every step: sum ← sum·½ + 1, which stays between 0 and 2.
 */
export function peak(engine: Engine): () => void {
  const { run } = engine.program<"run">("peak", (features: Features) => [
    func("run", ["i32"], (locals) => {
      const rounds = 0;
      const sums = locals.many("v128", PEAK_CHAINS);
      const [half, one] = locals.many("v128", 2);
      const step = (sum: number): Code =>
        features.multiplyAdd
          ? set(sum, get(sum), get(half), get(one), f32x4.relaxedMadd)
          : set(sum, get(sum), get(half), f32x4.mul, get(one), f32x4.add);
      return [
        set(half, v128.const(0.5, 0.5, 0.5, 0.5)),
        set(one, v128.const(1, 1, 1, 1)),
        loop(
          Array.from({ length: UNROLL }, () => sums.map(step)),
          tee(rounds, get(rounds), i32.const(1), i32.sub),
          branchIf(0),
        ),
        // The sums have to be used, or a compiler may leave them out. Address 0 is nobody's (arena.ts) and stays zero.
        sums.map((sum) => [i32.const(0), get(sum), v128.const(0, 0, 0, 0), f32x4.mul, v128.store()]),
      ];
    }),
  ]);
  return () => run(PEAK_STEPS / UNROLL);
}

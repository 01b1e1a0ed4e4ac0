/** A chunk of more calls than can be written down: this thread makes them, each once. */
import { expect, it } from "vitest";
import { Threads } from "../../../src/tensor/simd/threads/threads.ts";
import { f32x4, func, get, v128 } from "../../../src/tensor/simd/wasm/assembler.ts";
import { Engine } from "../../../src/tensor/simd/wasm/engine.ts";
import { webAssembly } from "../../../src/tensor/simd/wasm/features.ts";

it.each([100, 300_000])("two chunks of %i calls", (calls) => {
  let threads: Threads | undefined;
  const engine = new Engine(webAssembly()!, 2 ** 20, undefined, (memory) => {
    threads = new Threads(memory);
    return threads;
  });
  // x → x + value, of four numbers.
  const { add } = engine.program<"add">("add", () => [
    func("add", ["i32", "f32"], () => [get(0), get(0), v128.load(), get(1), f32x4.splat, f32x4.add, v128.store()]),
  ]);
  const address = 4096;
  threads!.run(2, 0, true, (k) => {
    for (let i = 0; i < calls; i++) add(address + 64 * k, 0.5);
  });
  const numbers = [0, 16, 19].map((i) => engine.arena.floats[address / 4 + i]);
  expect(numbers).toEqual([calls / 2, calls / 2, calls / 2]);
});

/** Whether a platform's WebAssembly rounds x·y + z once or twice: the standard leaves that to the engine. */
import { assembleModule, f32x4, func, get, v128 } from "../../src/tensor/simd/assembler.ts";
import { detectFeatures, webAssembly } from "../../src/tensor/simd/features.ts";

let known: boolean | undefined;

/**
 * Whether the vector instruction for x·y + z rounds once. False where there is no such instruction, undefined where
 * WebAssembly cannot be asked; an answer is kept, because in workerd only the top level may compile.
 */
export function fusesMultiplyAdd(): boolean | undefined {
  known ??= ask();
  return known;
}

function ask(): boolean | undefined {
  const wasm = webAssembly();
  if (!wasm) return undefined;
  if (!detectFeatures(wasm).multiplyAdd) return false;
  const memory = new wasm.Memory({ initial: 1 });
  const multiplyAdd = func("multiplyAdd", ["i32", "i32", "i32"], () => [
    get(0),
    [get(0), v128.load()],
    [get(1), v128.load()],
    [get(2), v128.load()],
    f32x4.relaxedMadd,
    v128.store(),
  ]);
  try {
    const { exports } = new wasm.Instance(new wasm.Module(assembleModule([multiplyAdd])), { env: { memory } });
    // (1 + 2⁻¹²)² = 1 + 2⁻¹¹ + 2⁻²⁴: the last part is lost where the product is rounded to 24 bits before the sum.
    const numbers = new Float32Array(memory.buffer);
    numbers.fill(1 + 2 ** -12, 0, 8);
    numbers.fill(-(1 + 2 ** -11), 8, 12);
    exports["multiplyAdd"](0, 16, 32);
    return numbers[0] > 0;
  } catch {
    return undefined;
  }
}

/** The bias of a convolution, added when the rest is done: y[n, o, ·] += b[o]. */
import type { ConvGeometry } from "../../geometry/conv.ts";
import type { Floats } from "../../memory.ts";
import { advance, GRAIN, whileAtLeast } from "../loops.ts";
import { type Func, f32, f32x4, func, get, set, v128 } from "../wasm/assembler.ts";
import type { Engine } from "../wasm/engine.ts";

/** Adds it. False where the engine has no room. */
export function addBias(engine: Engine, y: Floats, b: Floats, g: ConvGeometry): boolean {
  const { N, O, L } = g;
  return engine.run((call) => {
    const [py, pb] = [call.update(y), call.input(b)];
    call.split(N, Math.ceil(GRAIN / (O * L)), (from, to) => {
      addBiasAt(engine, py + 4 * from * O * L, pb, { ...g, N: to - from });
    });
  });
}

/** The same on addresses. */
export function addBiasAt(engine: Engine, y: number, b: number, { N, O, L }: ConvGeometry): void {
  engine.program<"addBias">("addBias", () => [addBiasFunction()]).addBias(y, b, N, O, L);
}

/** addBias(y, b, images, O, L). */
function addBiasFunction(): Func {
  return func("addBias", ["i32", "i32", "i32", "i32", "i32"], (locals) => {
    const [y, b, images, O, L] = [0, 1, 2, 3, 4];
    const [o, bias, count] = locals.many("i32", 3);
    const value = locals.make("f32");
    const vector = locals.make("v128");
    return whileAtLeast(
      images,
      1,
      set(o, get(O)),
      set(bias, get(b)),
      whileAtLeast(
        o,
        1,
        set(value, get(bias), f32.load()),
        set(vector, get(value), f32x4.splat),
        set(count, get(L)),
        whileAtLeast(
          count,
          4,
          [get(y), get(y), v128.load(), get(vector), f32x4.add, v128.store()],
          advance(y, 16),
          advance(count, -4),
        ),
        whileAtLeast(
          count,
          1,
          [get(y), get(y), f32.load(), get(value), f32.add, f32.store()],
          advance(y, 4),
          advance(count, -1),
        ),
        advance(bias, 4),
        advance(o, -1),
      ),
      advance(images, -1),
    );
  });
}

/**
 * Updates in place, by the formulas of plain/update.ts in float32: a step's w differs from the plain tier's by a few
 * roundings of the step and one of w itself.
 */
import type { AdamStep, SgdStep } from "../kernels.ts";
import { pow } from "../math/index.ts";
import type { Floats } from "../memory.ts";
import { rowsFunction } from "./loops.ts";
import { type Code, f32x4, get, type Local, set } from "./wasm/assembler.ts";
import type { Engine } from "./wasm/engine.ts";
import { worthIt } from "./worth.ts";

/** a·x + y, as an expression. */
const scaledSum = (a: Local, x: Local, y: Local): Code => [get(y), get(a), get(x), f32x4.mul, f32x4.add];
/** w → w − lr·direction. */
const descend = (w: Local, lr: Local, direction: Code): Code =>
  set(w, get(w), get(lr), direction, f32x4.mul, f32x4.sub);

/**
 * w, v: one step of stochastic gradient descent.
 *
 *   g = gw + weightDecay·w,  v ← momentum·v + (1 − dampening)·g (first step: g),  w ← w − lr·v (Nesterov: g + momentum·v)
 */
export function sgd(engine: Engine, w: Floats, gw: Floats, v: Floats | null, step: SgdStep): boolean {
  const { lr, momentum, dampening, weightDecay, nesterov, first } = step;
  if (!worthIt(w, gw, v)) return false;
  if (!v) {
    const { map } = engine.program<"map">("sgd", () => [
      rowsFunction(
        "map",
        { arrays: 2, reads: [0, 1], writes: [0], numbers: 2 },
        ({ x: [w, gw], p: [lr, weightDecay] }) => descend(w, lr, scaledSum(weightDecay, w, gw)),
      ),
    ]);
    return engine.run((call) => map(call.update(w), call.input(gw), 1, w.length, 0, 0, lr, weightDecay));
  }
  const { map } = engine.program<"map">(`sgd momentum${nesterov ? " nesterov" : ""}${first ? " first" : ""}`, () => [
    // v is undefined before the first step, and is not read.
    rowsFunction(
      "map",
      { arrays: 3, reads: first ? [0, 1] : [0, 1, 2], writes: [0, 2], numbers: 4 },
      ({ x: [w, g, v], p: [lr, weightDecay, momentum, take] }) => [
        set(g, scaledSum(weightDecay, w, g)),
        first ? set(v, get(g)) : set(v, get(momentum), get(v), f32x4.mul, get(take), get(g), f32x4.mul, f32x4.add),
        descend(w, lr, nesterov ? scaledSum(momentum, v, g) : get(v)),
      ],
    ),
  ]);
  return engine.run((call) =>
    map(
      call.update(w),
      call.input(gw),
      first ? call.output(v) : call.update(v),
      1,
      w.length,
      0,
      0,
      lr,
      weightDecay,
      momentum,
      1 - dampening,
    ),
  );
}

/**
 * w, m, v: one step of Adam or AdamW.
 *
 *   g = gw + coupledDecay·w,  m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²,  w ← shrink·w − stepSize·m / (√v·correction + ε)
 */
export function adam(engine: Engine, w: Floats, gw: Floats, m: Floats, v: Floats, options: AdamStep): boolean {
  const { lr, beta1, beta2, eps, weightDecay, decoupled, step } = options;
  if (!worthIt(w, gw, m, v)) return false;
  const { map } = engine.program<"map">("adam", () => [
    rowsFunction(
      "map",
      { arrays: 4, reads: [0, 1, 2, 3], writes: [0, 2, 3], numbers: 9 },
      ({ x: [w, g, m, v], p: [beta1, take1, beta2, take2, coupledDecay, shrink, stepSize, correction, eps] }) => [
        set(g, scaledSum(coupledDecay, w, g)),
        set(m, get(beta1), get(m), f32x4.mul, get(take1), get(g), f32x4.mul, f32x4.add),
        set(v, get(beta2), get(v), f32x4.mul, get(take2), get(g), f32x4.mul, get(g), f32x4.mul, f32x4.add),
        set(
          w,
          [get(shrink), get(w), f32x4.mul],
          [get(stepSize), get(m), f32x4.mul],
          [get(v), f32x4.sqrt, get(correction), f32x4.mul, get(eps), f32x4.add],
          [f32x4.div, f32x4.sub],
        ),
      ],
    ),
  ]);
  return engine.run((call) =>
    map(
      call.update(w),
      call.input(gw),
      call.update(m),
      call.update(v),
      1,
      w.length,
      0,
      0,
      beta1,
      1 - beta1,
      beta2,
      1 - beta2,
      decoupled ? 0 : weightDecay,
      decoupled ? 1 - lr * weightDecay : 1,
      lr / (1 - pow(beta1, step)),
      1 / Math.sqrt(1 - pow(beta2, step)),
      eps,
    ),
  );
}

/**
 * Updates in place, by the formulas of plain/update.ts in float32: a step's w differs from the plain tier's by a few
 * roundings of the step and one of w itself.
 */
import type { AdamStep, RmspropStep, SgdStep } from "../kernels.ts";
import { pow } from "../math/index.ts";
import type { Floats } from "../memory.ts";
import { mapRange, rowsFunction } from "./loops.ts";
import { type Code, f32x4, get, type Local, set } from "./wasm/assembler.ts";
import type { Engine } from "./wasm/engine.ts";
import { worthIt } from "./worth.ts";

/** a·x + y, as an expression. */
const scaledSum = (a: Local, x: Local, y: Local): Code => [get(y), get(a), get(x), f32x4.mul, f32x4.add];
/** g → ±g + weightDecay·w. */
const decayed = (g: Local, weightDecay: Local, w: Local, maximize: boolean): Code => [
  maximize ? set(g, get(g), f32x4.neg) : [],
  set(g, scaledSum(weightDecay, w, g)),
];
/** mean → keep·mean + take·value. */
const averaged = (mean: Local, keep: Local, take: Local, ...value: readonly Code[]): Code =>
  set(mean, get(keep), get(mean), f32x4.mul, get(take), value, f32x4.mul, f32x4.add);
/** mean → keep·mean + take·g². */
const averagedSquare = (mean: Local, keep: Local, take: Local, g: Local): Code =>
  set(mean, get(keep), get(mean), f32x4.mul, get(take), get(g), f32x4.mul, get(g), f32x4.mul, f32x4.add);
/** w → w − lr·direction. */
const descend = (w: Local, lr: Local, direction: Code): Code =>
  set(w, get(w), get(lr), direction, f32x4.mul, f32x4.sub);

/**
 * w, v: one step of stochastic gradient descent.
 *
 *   g = gw + weightDecay·w,  v ← momentum·v + (1 − dampening)·g (first step: g),  w ← w − lr·v (Nesterov: g + momentum·v)
 */
export function sgd(engine: Engine, w: Floats, gw: Floats, v: Floats | null, step: SgdStep): boolean {
  const { lr, momentum, dampening, weightDecay, nesterov, maximize, first } = step;
  const ascends = maximize ? " maximize" : "";
  if (!worthIt(w, gw, v)) return false;
  if (!v) {
    const { map } = engine.program<"map">(`sgd${ascends}`, () => [
      rowsFunction(
        "map",
        { arrays: 2, reads: [0, 1], writes: [0], numbers: 2 },
        ({ x: [w, g], p: [lr, weightDecay] }) => [decayed(g, weightDecay, w, maximize), descend(w, lr, get(g))],
      ),
    ]);
    return engine.run((call) => mapRange(call, map, w.length, [call.update(w), call.input(gw)], lr, weightDecay));
  }
  const { map } = engine.program<"map">(
    `sgd momentum${nesterov ? " nesterov" : ""}${first ? " first" : ""}${ascends}`,
    () => [
      // v is undefined before the first step, and is not read.
      rowsFunction(
        "map",
        { arrays: 3, reads: first ? [0, 1] : [0, 1, 2], writes: [0, 2], numbers: 4 },
        ({ x: [w, g, v], p: [lr, weightDecay, momentum, take] }) => [
          decayed(g, weightDecay, w, maximize),
          first ? set(v, get(g)) : averaged(v, momentum, take, get(g)),
          descend(w, lr, nesterov ? scaledSum(momentum, v, g) : get(v)),
        ],
      ),
    ],
  );
  return engine.run((call) =>
    mapRange(
      call,
      map,
      w.length,
      [call.update(w), call.input(gw), first ? call.output(v) : call.update(v)],
      lr,
      weightDecay,
      momentum,
      1 - dampening,
    ),
  );
}

/**
 * w, m, v: one step of Adam or AdamW; with peak → max(peak, v), which then stands for v under the root, AMSGrad.
 *
 *   g = gw + coupledDecay·w,  m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²,  w ← shrink·w − stepSize·m / (√v·correction + ε)
 */
export function adam(
  engine: Engine,
  w: Floats,
  gw: Floats,
  m: Floats,
  v: Floats,
  peak: Floats | null,
  options: AdamStep,
): boolean {
  const { lr, beta1, beta2, eps, weightDecay, decoupled, maximize, step } = options;
  if (!worthIt(w, gw, m, v, peak)) return false;
  const updated = peak ? [m, v, peak] : [m, v];
  const { map } = engine.program<"map">(`adam${peak ? " amsgrad" : ""}${maximize ? " maximize" : ""}`, () => [
    rowsFunction(
      "map",
      { ...updatedArrays(updated.length), numbers: 9 },
      ({ x: [w, g, m, v, peak], p: [beta1, take1, beta2, take2, coupledDecay, shrink, stepSize, correction, eps] }) => [
        decayed(g, coupledDecay, w, maximize),
        averaged(m, beta1, take1, get(g)),
        averagedSquare(v, beta2, take2, g),
        peak === undefined ? [] : set(peak, get(peak), get(v), f32x4.max),
        set(
          w,
          [get(shrink), get(w), f32x4.mul],
          [get(stepSize), get(m), f32x4.mul],
          [get(peak ?? v), f32x4.sqrt, get(correction), f32x4.mul, get(eps), f32x4.add],
          [f32x4.div, f32x4.sub],
        ),
      ],
    ),
  ]);
  return engine.run((call) =>
    mapRange(
      call,
      map,
      w.length,
      [call.update(w), call.input(gw), ...updated.map((array) => call.update(array))],
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

/**
 * w, s, m, v: one step of RMSprop; m is null unless it is centred, v without momentum.
 *
 *   g = gw + weightDecay·w,  s ← αs + (1 − α)g²,  m ← αm + (1 − α)g,  v ← momentum·v + g / (√(s − m²) + ε),  w ← w − lr·v
 */
export function rmsprop(
  engine: Engine,
  w: Floats,
  gw: Floats,
  s: Floats,
  m: Floats | null,
  v: Floats | null,
  options: RmspropStep,
): boolean {
  const { lr, alpha, eps, momentum, weightDecay, maximize } = options;
  if (!worthIt(w, gw, s, m, v)) return false;
  const updated = [s, ...(m ? [m] : []), ...(v ? [v] : [])];
  const name = `rmsprop${m ? " centered" : ""}${v ? " momentum" : ""}${maximize ? " maximize" : ""}`;
  const { map } = engine.program<"map">(name, () => [
    rowsFunction(
      "map",
      { ...updatedArrays(updated.length), numbers: 6 },
      ({ x: [w, g, s, ...others], p: [lr, alpha, take, eps, momentum, weightDecay] }) => {
        const mean = m ? others[0] : null;
        const velocity = v ? others[others.length - 1] : null;
        const variance = mean === null ? get(s) : [get(s), get(mean), get(mean), f32x4.mul, f32x4.sub];
        const direction = [get(g), variance, f32x4.sqrt, get(eps), f32x4.add, f32x4.div];
        return [
          decayed(g, weightDecay, w, maximize),
          averagedSquare(s, alpha, take, g),
          mean === null ? [] : averaged(mean, alpha, take, get(g)),
          velocity === null ? [] : set(velocity, get(momentum), get(velocity), f32x4.mul, direction, f32x4.add),
          descend(w, lr, velocity === null ? direction : get(velocity)),
        ];
      },
    ),
  ]);
  return engine.run((call) =>
    mapRange(
      call,
      map,
      w.length,
      [call.update(w), call.input(gw), ...updated.map((array) => call.update(array))],
      lr,
      alpha,
      1 - alpha,
      eps,
      momentum,
      weightDecay,
    ),
  );
}

/** Reads of w, gw and `count` arrays of the optimiser's, and writes of all but gw. */
function updatedArrays(count: number): { arrays: number; reads: number[]; writes: number[] } {
  const reads = Array.from({ length: 2 + count }, (_, i) => i);
  return { arrays: reads.length, reads, writes: reads.filter((i) => i !== 1) };
}

/** Dropout (Srivastava et al. 2014): in training, elements are zeroed at random so that no unit can rely on another. */
import { checkBetween, checkBoolean, checkRng } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { broadcastGeometry } from "../tensor/geometry/broadcast.ts";
import { allocate } from "../tensor/memory.ts";
import type { Rng } from "../tensor/rng.ts";
import { empty, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { given } from "./arrays.ts";
import { record } from "./graph.ts";

/** Options of `dropout`. */
export interface DropoutOptions {
  /** Whether to drop anything. Default true. */
  training?: boolean;
  /** Chooses the elements to drop; needed in training. */
  rng?: Rng;
}

const NAMES: OptionNames<DropoutOptions> = { training: true, rng: true };

/**
 * y = x·m/(1 − p), where each m is 0 with probability `p` and otherwise 1. The division keeps the expected value. So
 * outside training (or with p = 0) there is nothing to do, and x itself is returned.
 *
 * @param p probability that an element is dropped, from 0 to 1.
 *
 * @example
 * const x = ones([1000]);
 * const y = dropout(x, 0.5, { training: true, rng: new Rng(0) });
 * max(y).item(); // 2
 * dropout(x, 0.5, { training: false }) === x; // true
 *
 * @throws ValueError if p is not a probability; UsageError without an rng in training.
 */
export function dropout(x: Tensor, p: number, options: DropoutOptions = {}): Tensor {
  checkTensor("dropout", "x", x);
  checkOptions("dropout", options, NAMES);
  const { training = true, rng } = options;
  checkBetween("dropout", "p", p, 0, 1);
  checkBoolean("dropout", "training", training);
  if (!training || p === 0) return x;
  checkRng("dropout", rng, "dropout(x, p, { rng: new Rng(seed) }) in training");
  // With p = 1 the scale is infinite but never used: every number drawn is below 1.
  const scale = 1 / (1 - p);
  const drawn = Float64Array.from({ length: x.size }, () => (rng.uniform() < p ? 0 : scale));
  const mask = given(drawn, valuesOf(x));
  const g = broadcastGeometry("dropout", x.shape, x.shape);
  const y = empty(x.shape, x);
  kernels.binary("mul", valuesOf(x), mask, valuesOf(y), g);
  return record(
    "dropout",
    y,
    [x],
    (gy) => {
      // ∂y_i/∂x_i = m_i / (1 − p): the same mask.
      const gx = allocate(x.size, gy);
      kernels.binary("mul", gy, mask, gx, g);
      return [gx];
    },
    [],
    [mask],
  );
}

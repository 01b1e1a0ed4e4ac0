/**
 * ReLU's decisions, taken from one tier and forced on another.
 *
 * The gradient of a network with ReLUs jumps where a pre-activation crosses 0. A number that float64 puts at −3e-6 may be
 * +3e-6 in float32, whose rounding errors at a depth of ten layers are of that size; gradients in the layers before it
 * then differ by some 10⁻⁴, though every kernel is as exact as it can be. (test/golden/README.md, "ReLU kinks".) So a
 * disagreement with a reference is judged with the same decisions: what is left then is the kernels' own error.
 */

import type { ArrayKernels } from "../../src/tensor/kernels.ts";
import type { Floats } from "../../src/tensor/memory.ts";
import { plainKernels } from "../../src/tensor/plain/index.ts";
import { kernels, useKernels } from "../../src/tensor/tier.ts";

export interface Flip {
  /** The pre-activation in the one tier and in the other. */
  readonly values: readonly [number, number];
}

/**
 * Runs `fn` on the kernels in use, but with the ReLU decisions of the plain tier; and what would have differed, of how many
 * decisions.
 */
export function withPlainDecisions<T>(fn: () => T): { result: T; flips: Flip[]; decisions: number } {
  const taken: Float64Array[] = [];
  const flips: Flip[] = [];
  run(plainKernels, fn, (x) => taken.push(Float64Array.from(x)));
  let layer = 0;
  const result = run(kernels as unknown as ArrayKernels, fn, (x) => {
    const decisions = taken[layer++];
    x.forEach((value, i) => {
      if (value > 0 === decisions[i] > 0) return;
      flips.push({ values: [decisions[i], value] });
      // As little on the other side as a number can be.
      x[i] = decisions[i] > 0 ? 2 ** -126 : -(2 ** -126);
    });
  });
  return { result, flips, decisions: taken.reduce((sum, { length }) => sum + length, 0) };
}

/** Runs `fn` on these kernels; `look` sees (and may change) a copy of what goes into each ReLU. */
function run<T>(on: ArrayKernels, fn: () => T, look: (x: Float32Array) => void): T {
  const relu = (x: Floats, y: Floats): void => {
    const copy = Float32Array.from(x);
    look(copy);
    on.unary("relu", copy, y);
  };
  const deciding: ArrayKernels = {
    ...on,
    unary: (op, x, y, p, q) => (op === "relu" ? relu(x, y) : on.unary(op, x, y, p, q)),
    conv2d: (x, w, b, y, g, add, positive) => {
      on.conv2d(x, w, b, y, g, add, false);
      if (positive) relu(y, y);
    },
    normalize: (x, by, add, positive, y, g) => {
      on.normalize(x, by, add, false, y, g);
      if (positive) relu(y, y);
    },
  };
  const before = useKernels(deciding);
  try {
    return fn();
  } finally {
    useKernels(before);
  }
}

/** What a certificate's maker and its verifier must do alike, to the bit: the gradients of a seed, and rounding. */
import { backward } from "../autograd/backward.ts";
import { needsGrad } from "../autograd/graph.ts";
import { allocateLasting, type Floats, toValues } from "../tensor/memory.ts";
import { Rng } from "../tensor/rng.ts";
import { owned, peek, type Tensor } from "../tensor/tensor.ts";

/** Whole numbers, so that their sums are exact; about 1000 times a normal distribution. */
export function randomGradient(size: number, seed: number, label: string): Float64Array {
  const rng = new Rng(seed).fork(label);
  return new Float64Array(size).map(() => Math.round(1024 * rng.normal()));
}

/** The gradient at x that `backward` computes from g at y; zeros if nothing arrives. */
export function backwardTo(x: Tensor, y: Tensor, g: Floats): Floats {
  if (y === x) return g;
  const grads = needsGrad(y) ? backward(y, { gradient: owned(g, y.shape), stopAt: [x], only: [] }) : null;
  return grads?.has(x) ? peek(grads.get(x)) : allocateLasting(x.size, toValues(g));
}

/** Counts that are sums of sums: from 2⁵³ on they depend on the order of counting. */
export function countOf(ways: number): number {
  return Number.isSafeInteger(ways) ? ways : rounded(ways, 10);
}

/** Rounded to this many digits. JSON has no infinity: non-finite values become the largest number. */
export function rounded(value: number, digits: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(digits)) : Number.MAX_VALUE;
}

/** Whether a backward pass is the adjoint of its forward pass, without finite differences. */
import { backward } from "../../src/autograd/backward.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { owned, peek, type Tensor } from "../../src/tensor/tensor.ts";

/**
 * ⟨f(x) − f(0), u⟩ − ⟨x, fᵀ(u)⟩ relative to its terms, for an `f` that is linear (or affine) in x and random u: rounding
 * only, 1e-15 or so.
 */
export function adjointError(f: (x: Tensor) => Tensor, x: Tensor, seed = 0): number {
  const point = owned(Float64Array.from(peek(x)), x.shape, true);
  const y = f(point);
  const rng = new Rng(seed);
  const upstream = owned(
    Float64Array.from(peek(y), () => rng.normal()),
    y.shape,
  );
  const offset = noGrad(() => f(owned(new Float64Array(x.size), x.shape)));
  const forward = dot(y, upstream) - dot(offset, upstream);
  const adjoint = dot(point, backward(y, { gradient: upstream }).get(point));
  return Math.abs(forward - adjoint) / Math.max(1, Math.abs(forward), Math.abs(adjoint));
}

function dot(a: Tensor, b: Tensor): number {
  const [p, q] = [peek(a), peek(b)];
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += p[i] * q[i];
  return sum;
}

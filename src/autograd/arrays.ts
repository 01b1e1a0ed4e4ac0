/**
 * Arrays that operations need besides their inputs and outputs. Kernels make them: no operation writes numbers itself.
 */

import { broadcastGeometry, stretchedAxes } from "../tensor/geometry/broadcast.ts";
import { expandGeometry } from "../tensor/geometry/copy.ts";
import { reduceGeometry } from "../tensor/geometry/reduce.ts";
import type { BinaryOp } from "../tensor/kernels.ts";
import { allocate, type Values, wider } from "../tensor/memory.ts";
import { type Shape, sameShape, sizeOf } from "../tensor/shape.ts";
import { kernels } from "../tensor/tier.ts";

/** The same number `size` times, in the type of `like`. */
export function filled(size: number, value: number, like?: Values): Values {
  const y = allocate(size, like);
  kernels.fill(y, value);
  return y;
}

export function zeros(size: number, like?: Values): Values {
  return filled(size, 0, like);
}

/** Numbers from outside. */
export function given(numbers: ArrayLike<number>, like?: Values): Values {
  const y = allocate(numbers.length, like);
  kernels.put(numbers, y);
  return y;
}

export function copyOf(x: Values): Values {
  const y = allocate(x.length, x);
  kernels.copyStrided(x, y, { shape: [x.length], xOffset: 0, xStrides: [1], yOffset: 0, yStrides: [1] });
  return y;
}

/** p ∘ q in the shape of p, with q stretched to it; in float64 if either is. */
export function combine(op: BinaryOp, p: Values, shape: Shape, q: Values, qShape: Shape): Values {
  const y = allocate(p.length, wider(p, q));
  kernels.binary(op, p, q, y, broadcastGeometry(op, shape, qShape));
  return y;
}

/** x·factor. */
export function scaled(x: Values, factor: number): Values {
  return combine("mul", x, [x.length], filled(1, factor, x), []);
}

export function negative(x: Values): Values {
  const y = allocate(x.length, x);
  kernels.unary("neg", x, y);
  return y;
}

/** The values of shape `from`, repeated along stretched axes up to `to`; x itself where nothing is stretched. */
export function stretched(x: Values, from: Shape, to: Shape): Values {
  if (sameShape(from, to)) return x;
  const y = allocate(sizeOf(to), x);
  kernels.copyStrided(x, y, expandGeometry("stretch", from, to).copy);
  return y;
}

/** Sums a gradient over the axes along which `from` was stretched to `to`. */
export function unbroadcast(gy: Values, to: Shape, from: Shape): Values {
  if (sameShape(from, to)) return gy;
  const g = reduceGeometry("broadcast", to, stretchedAxes(from, to), false);
  const gx = allocate(sizeOf(from), gy);
  kernels.reduce("sum", gy, gx, g);
  return gx;
}

/** Kernels that move elements and compute nothing: filling, strided copies, selection by index, and its adjoint. */

import type { AxisGeometry } from "../geometry/axis.ts";
import type { CopyGeometry } from "../geometry/copy.ts";
import type { Floats } from "../memory.ts";

export function copyStrided(x: Floats, y: Floats, g: CopyGeometry): void {
  const { shape, xStrides, yStrides } = g;
  if (shape.includes(0)) return;
  const rank = shape.length;
  if (rank === 0) {
    y[g.yOffset] = x[g.xOffset];
    return;
  }
  const inner = shape[rank - 1];
  const dx = xStrides[rank - 1];
  const dy = yStrides[rank - 1];
  // An odometer over the outer axes: `index` counts, and i and j follow with each side's strides.
  const index = new Array<number>(rank).fill(0);
  let i = g.xOffset;
  let j = g.yOffset;
  for (;;) {
    for (let n = 0, p = i, q = j; n < inner; n++, p += dx, q += dy) y[q] = x[p];
    let axis = rank - 2;
    for (; axis >= 0; axis--) {
      i += xStrides[axis];
      j += yStrides[axis];
      if (++index[axis] < shape[axis]) break;
      i -= xStrides[axis] * shape[axis];
      j -= yStrides[axis] * shape[axis];
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

export function fill(y: Floats, value: number): void {
  y.fill(value);
}

export function put(numbers: ArrayLike<number>, y: Floats): void {
  y.set(numbers);
}

export function indexSelect(x: Floats, index: Int32Array, y: Floats, g: AxisGeometry): void {
  const { outer, length, inner } = g;
  let k = 0;
  for (let o = 0; o < outer; o++) {
    for (let j = 0; j < index.length; j++) {
      const from = (o * length + index[j]) * inner;
      for (let i = from; i < from + inner; i++) y[k++] = x[i];
    }
  }
}

export function indexAdd(gy: Floats, index: Int32Array, gx: Floats, g: AxisGeometry): void {
  const { outer, length, inner } = g;
  let k = 0;
  for (let o = 0; o < outer; o++) {
    for (let j = 0; j < index.length; j++) {
      const to = (o * length + index[j]) * inner;
      for (let i = to; i < to + inner; i++) gx[i] += gy[k++];
    }
  }
}

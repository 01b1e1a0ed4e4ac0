/** Matrix products: `matmul` for matrices, vectors and stacks of them, `linear` for a layer. */

import { checkTensors } from "../tensor/check-tensor.ts";
import { linearGeometry, matmulGeometry } from "../tensor/geometry/matmul.ts";
import { reduceGeometry } from "../tensor/geometry/reduce.ts";
import { allocate, partOf, type Values } from "../tensor/memory.ts";
import { empty, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { zeros } from "./arrays.ts";
import { readByProduct, record } from "./graph.ts";

/**
 * y = a·b: y[…, i, j] = Σ_p a[…, i, p] · b[…, p, j].
 *
 * The axes before the last two broadcast. A vector a is a row, a vector b a column. The axis a vector lacks is also
 * missing in y: two vectors give a scalar.
 *
 * @param a `[…, m, k]` or `[k]`.
 * @param b `[…, k, n]` or `[k]`.
 * @returns `[…, m, n]`.
 * @throws ShapeError if the inner lengths differ or the axes before them do not broadcast.
 *
 * @example
 * matmul(tensor([[1, 2], [3, 4]]), tensor([5, 6])).toArray(); // [17, 39]
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  checkTensors("matmul", { a, b });
  const { m, n, k, aMatrices, bMatrices, shape } = matmulGeometry(a.shape, b.shape);
  const y = empty(shape, a);
  const part = (values: Values, matrix: number, size: number): Values =>
    partOf(values, matrix * size, (matrix + 1) * size);
  aMatrices.forEach((matrix, i) => {
    kernels.gemm(
      part(valuesOf(a), matrix, m * k),
      part(valuesOf(b), bMatrices[i], k * n),
      part(valuesOf(y), i, m * n),
      { m, n, k },
    );
  });
  return record(
    "matmul",
    y,
    [a, b],
    (gy, [needA, needB]) => {
      // a[i, p] meets b[p, j] on its way into y[i, j], for every j:  ∂L/∂a[i, p] = Σ_j gy[i, j]·b[p, j],  ga = gy·bᵀ.
      // b[p, j] meets a[i, p] on its way into y[i, j], for every i:  ∂L/∂b[p, j] = Σ_i a[i, p]·gy[i, j],  gb = aᵀ·gy.
      // A matrix that broadcasting used several times gets the sum, so the products are added to zeros.
      const ga = needA ? zeros(a.size, gy) : null;
      const gb = needB ? zeros(b.size, gy) : null;
      aMatrices.forEach((matrix, i) => {
        const upstream = part(gy, i, m * n);
        if (ga) {
          const g = { m, n: k, k: n, transposeB: true, accumulate: true };
          kernels.gemm(upstream, part(valuesOf(b), bMatrices[i], k * n), part(ga, matrix, m * k), g);
        }
        if (gb) {
          const g = { m: k, n, k: m, transposeA: true, accumulate: true };
          kernels.gemm(part(valuesOf(a), matrix, m * k), upstream, part(gb, bMatrices[i], k * n), g);
        }
      });
      return [ga, gb];
    },
    readByProduct(a, b),
  );
}

/**
 * y = x·wᵀ + b: y[…, o] = b[o] + Σ_i x[…, i] · w[o, i].
 *
 * @param x `[…, in]`.
 * @param w `[out, in]`, as PyTorch stores it.
 * @param b `[out]`, or null.
 * @returns `[…, out]`.
 * @throws ShapeError if the features do not fit.
 *
 * @example
 * linear(tensor([[1, 2]]), tensor([[3, 4], [5, 6]]), tensor([0.5, 0])).toArray(); // [[11.5, 17]]
 */
export function linear(x: Tensor, w: Tensor, b: Tensor | null = null): Tensor {
  checkTensors("linear", { x, w }, { b });
  const { m, n, k, shape } = linearGeometry(x.shape, w.shape, b ? b.shape : null);
  const y = empty(shape, x);
  if (b) {
    // Every row starts as b, and the product is added.
    kernels.copyStrided(valuesOf(b), valuesOf(y), {
      shape: [m, n],
      xOffset: 0,
      xStrides: [0, 1],
      yOffset: 0,
      yStrides: [n, 1],
    });
  }
  kernels.gemm(valuesOf(x), valuesOf(w), valuesOf(y), { m, n, k, transposeB: true, accumulate: b !== null });
  return record(
    "linear",
    y,
    b ? [x, w, b] : [x, w],
    (gy, [needX, needW, needB]) => {
      // As for matmul, with wᵀ in place of b:  gx = gy·w,  gw = gyᵀ·x;  b is added to every row:  gb = Σ_rows gy.
      let gx: Values | null = null;
      let gw: Values | null = null;
      let gb: Values | null = null;
      if (needX) {
        gx = allocate(x.size, gy);
        kernels.gemm(gy, valuesOf(w), gx, { m, n: k, k: n });
      }
      if (needW) {
        gw = allocate(w.size, gy);
        kernels.gemm(gy, valuesOf(x), gw, { m: n, n: k, k: m, transposeA: true });
      }
      if (b && needB) {
        gb = allocate(n, gy);
        kernels.reduce("sum", gy, gb, reduceGeometry("linear", [m, n], 0, false));
      }
      return [gx, gw, gb];
    },
    readByProduct(x, w),
  );
}

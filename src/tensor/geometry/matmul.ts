/** Geometry of matrix products: of two matrices, of stacks of matrices, and of a linear layer. */
import { ShapeError } from "../errors.ts";
import { broadcastShapes, formatShape, type Shape, sizeOf } from "../shape.ts";
import { stretchedStrides } from "./broadcast.ts";

/** A product C = op(A)·op(B) on row-major matrices, op being the identity or the transpose. */
export interface GemmGeometry {
  /** Rows of C. */
  readonly m: number;
  /** Columns of C. */
  readonly n: number;
  /** Length of the sums. */
  readonly k: number;
  /** A is stored `[k, m]` instead of `[m, k]`. Default false. */
  readonly transposeA?: boolean;
  /** B is stored `[n, k]` instead of `[k, n]`. Default false. */
  readonly transposeB?: boolean;
  /** Add to what C holds instead of overwriting it. Default false. */
  readonly accumulate?: boolean;
}

/** A stack of products: matrix i of the result is matrix aMatrices[i] of a times matrix bMatrices[i] of b. */
export interface MatmulGeometry {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly aMatrices: readonly number[];
  readonly bMatrices: readonly number[];
  /** Shape of the result. */
  readonly shape: Shape;
}

/**
 * NumPy's and PyTorch's rules: the last two axes are matrices, the axes before them broadcast. A vector is a row on the
 * left and a column on the right; its axis is missing in the result.
 *
 * @throws ShapeError that shows both shapes.
 */
export function matmulGeometry(a: Shape, b: Shape): MatmulGeometry {
  if (a.length === 0 || b.length === 0) {
    throw new ShapeError(`matmul: a scalar has no rows or columns (a ${formatShape(a)}, b ${formatShape(b)})`);
  }
  const [m, k] = a.length === 1 ? [1, a[0]] : a.slice(-2);
  const [rows, n] = b.length === 1 ? [b[0], 1] : b.slice(-2);
  if (k !== rows) {
    throw new ShapeError(
      `matmul: rows of a have ${k} elements, columns of b ${rows} (a ${formatShape(a)}, b ${formatShape(b)})`,
    );
  }
  const outerA = a.slice(0, -2);
  const outerB = b.slice(0, -2);
  const outer = broadcastShapes("matmul", outerA, outerB);
  const shape = [...outer, ...(a.length === 1 ? [] : [m]), ...(b.length === 1 ? [] : [n])];
  // Against a single matrix b, a stack of matrices a is one tall matrix.
  if (sizeOf(outerB) === 1) return { m: m * sizeOf(outerA), n, k, aMatrices: [0], bMatrices: [0], shape };
  return { m, n, k, aMatrices: matricesOf(outerA, outer), bMatrices: matricesOf(outerB, outer), shape };
}

/** For every index of the shape `to`, the position of the element of `from` that broadcasts to it. */
function matricesOf(from: Shape, to: Shape): number[] {
  return stretchedStrides(from, to).reduce<number[]>(
    (positions, stride, axis) =>
      positions.flatMap((position) => Array.from({ length: to[axis] }, (_, i) => position + i * stride)),
    [0],
  );
}

/** x `[…, k]` as m rows, w `[n, k]`. */
export interface LinearGeometry {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** `[…, n]`. */
  readonly shape: Shape;
}

/** @throws ShapeError that shows x, w and b. */
export function linearGeometry(x: Shape, w: Shape, b: Shape | null): LinearGeometry {
  const fail = (reason: string): never => {
    throw new ShapeError(
      `linear: ${reason} (x ${formatShape(x)}, w ${formatShape(w)}${b ? `, b ${formatShape(b)}` : ""})`,
    );
  };
  if (w.length !== 2) fail(`w must have rank 2 [out, in], has rank ${w.length}`);
  if (x.length === 0) fail("x must have at least one axis");
  const [n, k] = w;
  if (x[x.length - 1] !== k) fail(`x has ${x[x.length - 1]} features, w expects ${k}`);
  if (b && (b.length !== 1 || b[0] !== n)) fail(`b must be [${n}], one number per output`);
  const outer = x.slice(0, -1);
  return { m: sizeOf(outer), n, k, shape: [...outer, n] };
}

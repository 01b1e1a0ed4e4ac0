/** Geometry of a matrix product C = op(A)·op(B) on row-major matrices, op being the identity or the transpose. */
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

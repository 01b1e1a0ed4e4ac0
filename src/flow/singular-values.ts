/**
 * Singular values in float64. Golub & Van Loan, "Matrix Computations", 4th edition, §8.6 and §8.4.
 *
 * Reflections bring a dense matrix to bidiagonal form B (Golub & Kahan 1965) and keep its singular values. Those of B
 * are the positive eigenvalues of a symmetric tridiagonal matrix whose diagonal is zero and whose off-diagonal entries
 * are d₁ e₁ d₂ e₂ … dₙ (B's two diagonals, interleaved). A Sturm sequence counts how many lie above a number, and
 * bisection finds each. About 8/3·n³ operations for n × n: a second for 700, ten for 1500.
 */
import { allocateLasting, type Floats, toValues } from "../tensor/memory.ts";
import { norm } from "./measure.ts";

/** Numbers in rows, row-major. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Floats;
}

/**
 * All min(rows, columns) singular values, largest first; each within `roundingBound` of the true one, and usually
 * within some n·2⁻⁵²·σ₁.
 */
export function singularValues(matrix: Matrix): Float64Array {
  const { diagonal, above } = bidiagonalize(matrix);
  return bidiagonalSingularValues(diagonal, above);
}

/**
 * The most by which rounding can have moved any of `singularValues`' results: 20·n·(m + 10)·2⁻⁵³·‖A‖, with m the larger
 * and n the smaller side, ‖A‖² the sum of squares.
 *
 * The results are exactly the singular values of A + E, and by Weyl none has moved by more than ‖E‖. Each of the 2n
 * reflections forms and adds products of up to m terms: a relative error of some (4m + 20)·2⁻⁵³, to first order less
 * than half of what is counted for it here. The other half covers bisection with Sturm's counts many times over.
 */
export function roundingBound({ rows, columns, values }: Matrix): number {
  const [m, n] = [Math.max(rows, columns), Math.min(rows, columns)];
  return 20 * n * (m + 10) * 2 ** -53 * norm(values);
}

/** The diagonals of an upper bidiagonal matrix: `above` has one number fewer than `diagonal`. */
export interface Bidiagonal {
  readonly diagonal: Float64Array;
  readonly above: Float64Array;
}

function bidiagonalize(matrix: Matrix): Bidiagonal {
  const { rows: m, columns: n, values } = matrix.rows < matrix.columns ? transpose(matrix) : matrix;
  const a = Float64Array.from(values);
  const diagonal = new Float64Array(n);
  const above = new Float64Array(Math.max(0, n - 1));
  const v = new Float64Array(m);
  const w = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    // From the left: column k below the diagonal becomes zero. A ← (I − τvvᵀ)A, by rows: w = Aᵀv, then A −= τ·v·wᵀ.
    for (let i = k; i < m; i++) v[i] = a[i * n + k];
    const left = reflector(v, k, m);
    diagonal[k] = left.norm;
    if (left.tau !== 0) {
      w.fill(0, k);
      for (let i = k; i < m; i++) for (let j = k + 1; j < n; j++) w[j] += v[i] * a[i * n + j];
      for (let i = k; i < m; i++) {
        const scale = left.tau * v[i];
        for (let j = k + 1; j < n; j++) a[i * n + j] -= scale * w[j];
      }
    }
    if (k + 1 >= n) break;
    // From the right: row k after the first number above the diagonal becomes zero. A ← A(I − τwwᵀ), row by row.
    for (let j = k + 1; j < n; j++) w[j] = a[k * n + j];
    const right = reflector(w, k + 1, n);
    above[k] = right.norm;
    if (right.tau === 0) continue;
    for (let i = k + 1; i < m; i++) {
      let product = 0;
      for (let j = k + 1; j < n; j++) product += w[j] * a[i * n + j];
      product *= right.tau;
      for (let j = k + 1; j < n; j++) a[i * n + j] -= product * w[j];
    }
  }
  return { diagonal, above };
}

/**
 * Householder's reflection I − τvvᵀ that turns x = v[from … to) into (norm, 0, …, 0); overwrites x with v. `norm` has
 * the opposite sign of x's first number, so that nothing cancels.
 */
function reflector(v: Float64Array, from: number, to: number): { norm: number; tau: number } {
  let largest = 0;
  for (let i = from; i < to; i++) largest = Math.max(largest, Math.abs(v[i]));
  if (largest === 0) return { norm: 0, tau: 0 };
  // In units of the largest, no square falls below the smallest float64; the reflection is the same for any length of
  // v.
  let squares = 0;
  for (let i = from; i < to; i++) {
    v[i] /= largest;
    squares += v[i] * v[i];
  }
  const norm = v[from] > 0 ? -Math.sqrt(squares) : Math.sqrt(squares);
  v[from] -= norm;
  // ‖v‖² = ‖x‖² − 2·x₁·norm + norm² = −2·norm·v₁.
  return { norm: norm * largest, tau: -1 / (norm * v[from]) };
}

function transpose({ rows, columns, values }: Matrix): Matrix {
  const turned = allocateLasting(values.length, toValues(values));
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) turned[j * rows + i] = values[i * columns + j];
  return { rows: columns, columns: rows, values: turned };
}

function bidiagonalSingularValues(diagonal: Float64Array, above: Float64Array): Float64Array {
  const n = diagonal.length;
  // The tridiagonal matrix's off-diagonal entries, squared.
  const squares = Float64Array.from({ length: Math.max(0, 2 * n - 1) }, (_, i) =>
    i % 2 === 0 ? diagonal[i / 2] ** 2 : above[(i - 1) / 2] ** 2,
  );
  // No eigenvalue is larger than the largest sum of a row's absolute values.
  let bound = 0;
  for (let i = 0; i <= squares.length; i++) {
    bound = Math.max(bound, Math.sqrt(squares[i - 1] ?? 0) + Math.sqrt(squares[i] ?? 0));
  }
  if (!Number.isFinite(bound)) return new Float64Array(n).fill(Number.NaN);
  return Float64Array.from({ length: n }, (_, k) => {
    let low = 0;
    let high = bound;
    while (high - low > 2 ** -54 * bound) {
      const middle = (low + high) / 2;
      if (middle === low || middle === high) break;
      if (countAbove(squares, middle) > k) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  });
}

/** How many eigenvalues of the tridiagonal matrix are larger than x: the positive terms of its Sturm sequence at x. */
function countAbove(squares: Float64Array, x: number): number {
  let q = -x;
  let count = q > 0 ? 1 : 0;
  for (let i = 0; i < squares.length; i++) {
    // A term of exactly zero acts like a very small one.
    q = -x - squares[i] / (q === 0 ? Number.MIN_VALUE * 2 ** 60 : q);
    if (q > 0) count++;
  }
  return count;
}

/**
 * The largest singular values of a matrix too large to decompose: Golub–Kahan–Lanczos bidiagonalisation. Golub & Van
 * Loan, "Matrix Computations", 4th edition, §10.4.
 *
 * From a random unit vector v₁, j steps give orthonormal V = (v₁ … vⱼ), U = (u₁ … uⱼ) and an upper bidiagonal j × j
 * matrix B with A·V = U·B and Aᵀ·U = V·Bᵀ + β·vⱼ₊₁·eⱼᵀ. Then a singular triplet (σ, p, q) of B gives A(Vq) = σ(Up) and
 * Aᵀ(Up) − σ(Vq) = β·pⱼ·vⱼ₊₁. So a singular value of A lies within β·|pⱼ| of σ. This bound is returned, and decides
 * when to stop. Every new vector is made orthogonal to all before it, twice, because rounding would undo it.
 */
import { ValueError } from "../tensor/errors.ts";
import { Rng } from "../tensor/rng.ts";
import { norm } from "./measure.ts";
import type { Matrix } from "./singular-values.ts";

/** A singular value with its error bound. */
export interface Approximation {
  readonly value: number;
  readonly error: number;
}

/** Bounds below this fraction of the largest singular value are good enough. */
const TOLERANCE = 1e-8;
/** A vector shorter than this fraction of ‖A‖ is rounding. */
const NEGLIGIBLE = 1e-13;
/** Steps between two checks of B. */
const STEPS = 8;

/**
 * The `count` largest singular values, largest first, each with its error bound. Equal values may be found fewer times
 * than they occur.
 *
 * The bound says that a singular value is that close, not that none is larger. Up to rounding, each `value` is at most
 * the true one. It equals it unless the first vector was unlucky: nearly orthogonal to the one sought. For certainty,
 * use `singularValues`.
 *
 * @param who what an error is called by.
 * @param count from 1 to min(rows, columns).
 * @param seed seed of the first vector.
 * @throws ValueError unless all values are finite.
 */
export function largestSingularValues(who: string, matrix: Matrix, count: number, seed = 0): Approximation[] {
  const { rows, columns, values } = matrix;
  const most = Math.min(rows, columns);
  const size = norm(values);
  // Otherwise the rotations would never end.
  if (!Number.isFinite(size)) throw new ValueError(`${who}: the matrix has NaN or infinite values, or too large ones`);
  const rng = new Rng(seed);
  const rounding = NEGLIGIBLE * size;
  const alphas: number[] = [];
  const betas: number[] = [];
  const us: Float64Array[] = [];
  const vs: Float64Array[] = [randomUnit(columns, [], rng)];
  for (let j = 1; ; j++) {
    // α·u = A·v − β·u₋₁, β·v₊₁ = Aᵀ·u − α·v: the subtractions are part of the orthogonalisation.
    const u = times(matrix, vs[j - 1]);
    alphas.push(normalizeAgainst(us, u, rounding, rng));
    us.push(u);
    const v = transposedTimes(matrix, u);
    const exhausted = j === most;
    const beta = exhausted ? 0 : normalizeAgainst(vs, v, rounding, rng);
    if (exhausted || (j >= count && j % STEPS === 0)) {
      const found = approximations(alphas, betas, beta).slice(0, count);
      if (exhausted || found.every(({ error }) => error <= TOLERANCE * found[0].value)) return found;
    }
    betas.push(beta);
    vs.push(v);
  }
}

/** Singular values of B with the bounds β·|pⱼ|. */
function approximations(alphas: readonly number[], betas: readonly number[], beta: number): Approximation[] {
  const { values, lastRow } = bidiagonalSvd(alphas, betas);
  return values.map((value, i) => ({ value, error: beta * Math.abs(lastRow[i]) })).sort((a, b) => b.value - a.value);
}

/** Each sweep squares the remaining angles; ten are usual. */
const MOST_SWEEPS = 100;

/**
 * The singular values of the upper bidiagonal B, in no order, and the last component of each left singular vector.
 *
 * One-sided Jacobi (Hestenes 1958): rotations R make the columns of BᵀR orthogonal to each other. Their lengths then
 * are the singular values, and R's columns are B's left singular vectors. Only R's last row is kept.
 */
function bidiagonalSvd(diagonal: readonly number[], above: readonly number[]): { values: number[]; lastRow: number[] } {
  const n = diagonal.length;
  // Column i of Bᵀ is row i of B.
  const columns = diagonal.map((d, i) => {
    const column = new Float64Array(n);
    column[i] = d;
    if (i + 1 < n) column[i + 1] = above[i];
    return column;
  });
  const lastRow = columns.map((_, i): number => (i === n - 1 ? 1 : 0));
  // A product of columns is rounded by n·2⁻⁵³ of their lengths; a column so much shorter than B is itself rounding.
  const rounding = (n + 4) * 2 ** -52;
  const nothing = columns.reduce((sum, column) => sum + dot(column, column), 0) * rounding * rounding;
  for (let rotated = true, sweep = 0; rotated && sweep < MOST_SWEEPS; sweep++) {
    rotated = false;
    for (let p = 0; p < n - 1; p++) {
      for (let q = p + 1; q < n; q++) {
        const [a, b] = [columns[p], columns[q]];
        const product = dot(a, b);
        const [aa, bb] = [dot(a, a), dot(b, b)];
        if (Math.min(aa, bb) <= nothing || Math.abs(product) <= rounding * Math.sqrt(aa * bb)) continue;
        rotated = true;
        const zeta = (bb - aa) / (2 * product);
        const t = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
        const c = 1 / Math.sqrt(1 + t * t);
        const s = c * t;
        for (let i = 0; i < n; i++) [a[i], b[i]] = [c * a[i] - s * b[i], s * a[i] + c * b[i]];
        [lastRow[p], lastRow[q]] = [c * lastRow[p] - s * lastRow[q], s * lastRow[p] + c * lastRow[q]];
      }
    }
  }
  return { values: columns.map(norm), lastRow };
}

/**
 * Makes v orthogonal to `others` with length 1, and returns its earlier length. If only rounding is left, an invariant
 * subspace has been found: v becomes a random vector orthogonal to it, and the length is 0.
 */
function normalizeAgainst(others: readonly Float64Array[], v: Float64Array, rounding: number, rng: Rng): number {
  orthogonalize(others, v);
  const length = norm(v);
  if (length <= rounding) {
    v.set(randomUnit(v.length, others, rng));
    return 0;
  }
  for (let i = 0; i < v.length; i++) v[i] /= length;
  return length;
}

function randomUnit(size: number, others: readonly Float64Array[], rng: Rng): Float64Array {
  const v = Float64Array.from({ length: size }, () => rng.normal());
  orthogonalize(others, v);
  const length = norm(v);
  return v.map((x) => x / length);
}

/** v −= Σ⟨v, o⟩·o, twice: once leaves rounding errors of the subtracted parts. */
function orthogonalize(others: readonly Float64Array[], v: Float64Array): void {
  for (let pass = 0; pass < 2; pass++) {
    for (const other of others) {
      const product = dot(other, v);
      for (let i = 0; i < v.length; i++) v[i] -= product * other[i];
    }
  }
}

function times({ rows, columns, values }: Matrix, v: Float64Array): Float64Array {
  const product = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += values[i * columns + j] * v[j];
    product[i] = sum;
  }
  return product;
}

function transposedTimes({ rows, columns, values }: Matrix, u: Float64Array): Float64Array {
  const product = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) product[j] += values[i * columns + j] * u[i];
  }
  return product;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/**
 * Winograd's minimal filtering in one dimension (Winograd 1980; Lavin & Gray 2016, "Fast Algorithms for Convolutional
 * Neural Networks"), from its points, and the code that multiplies vectors by its matrices.
 *
 * F(m, r) computes m outputs of a filter with r taps from n = m + r − 1 inputs with n multiplications instead of m·r:
 *
 *   y = Aᵀ[(G g) ⊙ (Bᵀ d)]
 *
 * It multiplies two polynomials through their values at n − 1 points and at infinity. In two dimensions the transforms
 * are applied to rows and then to columns: F(4×4, 3×3) needs 36 multiplications for 16 outputs of 9 taps, 2.25 each.
 *
 * The choice of points decides how rounding errors grow: in F(4×4) they grow 2.2 times as much with 0, ±1, ±2 as with 0,
 * ±5/8, ±3/2, which are exact in binary too. (0, ±1/√2, ±√2 would do nearly as well.)
 */
import { type Code, constant, f32x4, get, type Local, type Locals, set } from "../wasm/assembler.ts";
import type { Features } from "../wasm/features.ts";

export type Matrix = readonly (readonly number[])[];

export interface Filtering {
  /** F(m, r) and the points: what a program's key needs to know. */
  readonly name: string;
  /** Outputs. */
  readonly m: number;
  /** Taps. */
  readonly r: number;
  /** Inputs, m + r − 1. */
  readonly n: number;
  /** Aᵀ `[m, n]`. */
  readonly AT: Matrix;
  /** G `[n, r]`. */
  readonly G: Matrix;
  /** Bᵀ `[n, n]`. */
  readonly BT: Matrix;
}

/**
 * F(m, r) for points 0, ±p1, ±p2, … and infinity (Cook–Toom, transposed). With M(x) = Π (x − pᵢ) and Mᵢ = M/(x − pᵢ):
 *
 *   Aᵀ[k, i] = pᵢᵏ      G[i, k] = pᵢᵏ / Mᵢ(pᵢ)      Bᵀ[i, ·] = coefficients of Mᵢ,
 *
 * and for infinity the last power alone, the last tap alone, and the coefficients of M. They are written down from the
 * squares qᵢ = pᵢ², so that what is whole stays whole.
 */
export function filtering(m: number, r: number, squares: readonly number[]): Filtering {
  const n = m + r - 1;
  // Points in the order 0, +p1, −p1, +p2, −p2, …
  const points = [0, ...squares.flatMap((q) => [Math.sqrt(q), -Math.sqrt(q)])];
  /** Coefficients, lowest first, of Π (x² − q). */
  const product = (qs: readonly number[]): number[] => {
    let coefficients = [1];
    for (const q of qs) {
      const [shifted, scaled] = [
        [0, 0, ...coefficients],
        [...coefficients, 0, 0],
      ];
      coefficients = shifted.map((c, i) => c - q * scaled[i]);
    }
    return coefficients;
  };
  const power = (p: number, square: number, k: number): number => {
    let result = k % 2 === 0 ? 1 : p;
    for (let i = 1; i < k; i += 2) result *= square;
    return result;
  };
  const BT: number[][] = [[...product(squares), 0]];
  const norms: number[] = [product(squares)[0]];
  squares.forEach((q, i) => {
    const rest = product(squares.filter((_, j) => j !== i));
    for (const p of [Math.sqrt(q), -Math.sqrt(q)]) {
      // x·(x + p)·rest = (p·x + x²)·rest
      BT.push(Array.from({ length: n }, (_, k) => p * (rest[k - 1] ?? 0) + (rest[k - 2] ?? 0)));
      norms.push(2 * q * rest.reduce((sum, c, k) => sum + c * power(0, q, k), 0));
    }
  });
  BT.push([0, ...product(squares)]);
  const squareOf = (i: number): number => (i === 0 ? 0 : squares[Math.floor((i - 1) / 2)]);
  const powers = (k: number): number[] => points.map((p, i) => power(p, squareOf(i), k));
  return {
    name: `${m},${r}:${squares}`,
    m,
    r,
    n,
    AT: Array.from({ length: m }, (_, k) => [...powers(k), k === m - 1 ? 1 : 0]),
    G: Array.from({ length: n }, (_, i) =>
      Array.from({ length: r }, (_, k) =>
        i === n - 1 ? (k === r - 1 ? 1 : 0) : power(points[i], squareOf(i), k) / norms[i],
      ),
    ),
    BT,
  };
}

/** Constants of a function, each kept in a variable of its own that is set before the loops. */
export class Constants {
  readonly #locals: Locals;
  readonly #variables = new Map<number, Local>();

  constructor(locals: Locals) {
    this.#locals = locals;
  }

  get(value: number): Code {
    let local = this.#variables.get(value);
    if (local === undefined) {
      local = this.#locals.make("v128");
      this.#variables.set(value, local);
    }
    return get(local);
  }

  /** Sets the variables. It belongs at the beginning of the function, and is complete when the rest has been written. */
  get prelude(): Code {
    return [...this.#variables].map(([value, local]) => set(local, constant(value)));
  }
}

/** Puts Σ coefficient·variable on the stack. */
function combination(
  terms: readonly (readonly [number, Local])[],
  constants: Constants,
  { multiplyAdd }: Features,
): Code {
  const needed = terms.filter(([coefficient]) => coefficient !== 0);
  // Begin with a term that needs no multiplication.
  const first = Math.max(
    0,
    needed.findIndex(([coefficient]) => coefficient === 1),
  );
  const [[coefficient, local], ...rest] = [needed[first], ...needed.filter((_, i) => i !== first)];
  let code: Code = coefficient === 1 ? get(local) : [get(local), constants.get(coefficient), f32x4.mul];
  for (const [c, x] of rest) {
    if (c === 1) code = [code, get(x), f32x4.add];
    else if (c === -1) code = [code, get(x), f32x4.sub];
    else if (multiplyAdd) code = [get(x), constants.get(c), code, f32x4.relaxedMadd];
    else if (c < 0) code = [code, get(x), constants.get(-c), f32x4.mul, f32x4.sub];
    else code = [code, get(x), constants.get(c), f32x4.mul, f32x4.add];
  }
  return code;
}

/**
 * outputs = matrix · inputs, for Bᵀ or G. Rows 2i + 1 and 2i + 2 belong to points ±p. They differ only in the sign of some
 * columns (G: the odd ones; Bᵀ: those with p in them), so they are the sum and the difference of two parts.
 * `put(i, value)` stores output i.
 */
export function multiplyRows(
  matrix: Matrix,
  inputs: readonly Local[],
  [even, odd]: readonly [Local, Local],
  constants: Constants,
  features: Features,
  put: (output: number, value: Code) => Code,
): Code {
  const code: Code[] = [];
  const last = matrix.length - 1;
  const whole = (row: number): Code =>
    put(
      row,
      combination(
        inputs.map((x, j) => [matrix[row][j], x]),
        constants,
        features,
      ),
    );
  code.push(whole(0));
  for (let row = 1; row < last; row += 2) {
    const part = (sign: number): (readonly [number, Local])[] =>
      inputs.map((x, j) => [matrix[row][j] === sign * matrix[row + 1][j] ? matrix[row][j] : 0, x]);
    code.push(
      set(even, combination(part(1), constants, features)),
      set(odd, combination(part(-1), constants, features)),
      put(row, [get(even), get(odd), f32x4.add]),
      put(row + 1, [get(even), get(odd), f32x4.sub]),
    );
  }
  code.push(whole(last));
  return code;
}

/**
 * outputs = Aᵀ · inputs. Columns 2i + 1 and 2i + 2 belong to points ±p, so even rows need only their sums and odd rows only
 * their differences. The inputs are overwritten.
 */
export function multiplyColumns(
  AT: Matrix,
  inputs: readonly Local[],
  spare: Local,
  constants: Constants,
  features: Features,
  put: (output: number, value: Code) => Code,
): Code {
  const n = inputs.length;
  const code: Code[] = [];
  for (let i = 1; i < n - 1; i += 2) {
    const [plus, minus] = [inputs[i], inputs[i + 1]];
    code.push(
      set(spare, get(plus), get(minus), f32x4.add),
      set(minus, get(plus), get(minus), f32x4.sub),
      set(plus, get(spare)),
    );
  }
  AT.forEach((row, k) => {
    const terms = inputs.map((x, i): readonly [number, Local] => {
      if (i === 0 || i === n - 1) return [row[i], x];
      // Sums stand at odd places, differences at even ones.
      const isSum = i % 2 === 1;
      return [isSum === (k % 2 === 0) ? row[isSum ? i : i - 1] : 0, x];
    });
    code.push(put(k, combination(terms, constants, features)));
  });
  return code;
}

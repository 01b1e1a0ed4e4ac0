import { describe, expect, it } from "vitest";
import { largestSingularValues } from "../../src/flow/lanczos.ts";
import { type Matrix, roundingBound, singularValues } from "../../src/flow/singular-values.ts";
import { Rng } from "../../src/tensor/rng.ts";

function random(rows: number, columns: number, seed = 0): Matrix {
  const rng = new Rng(seed);
  return { rows, columns, values: Float64Array.from({ length: rows * columns }, () => rng.normal()) };
}

function diagonal(...entries: number[]): Matrix {
  const n = entries.length;
  const values = Float64Array.from({ length: n * n }, (_, k) => (k % (n + 1) === 0 ? entries[k % n] : 0));
  return { rows: n, columns: n, values };
}

/** By the definition: the lengths of the columns once one-sided Jacobi rotations have made them orthogonal. */
function byJacobi({ rows, columns, values }: Matrix): number[] {
  const column = (j: number): number[] => Array.from({ length: rows }, (_, i) => values[i * columns + j]);
  const a = Array.from({ length: columns }, (_, j) => column(j));
  const dot = (x: number[], y: number[]): number => x.reduce((sum, v, i) => sum + v * y[i], 0);
  for (let sweep = 0; sweep < 30; sweep++) {
    for (let p = 0; p < columns; p++) {
      for (let q = p + 1; q < columns; q++) {
        const product = dot(a[p], a[q]);
        if (product === 0) continue;
        const angle = 0.5 * Math.atan2(2 * product, dot(a[p], a[p]) - dot(a[q], a[q]));
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        [a[p], a[q]] = [a[p].map((v, i) => c * v + s * a[q][i]), a[q].map((v, i) => c * v - s * a[p][i])];
      }
    }
  }
  return a
    .map((x) => Math.sqrt(dot(x, x)))
    .sort((x, y) => y - x)
    .slice(0, Math.min(rows, columns));
}

describe("singularValues", () => {
  it("[[3, 0], [4, 5]]: √45 and √5", () => {
    const [first, second] = singularValues({ rows: 2, columns: 2, values: Float64Array.of(3, 0, 4, 5) });
    expect(first).toBeCloseTo(Math.sqrt(45), 14);
    expect(second).toBeCloseTo(Math.sqrt(5), 14);
  });

  it("a diagonal matrix: its entries without sign, sorted; zeros and equal ones too", () => {
    const found = singularValues(diagonal(2, -7, 0, 2, 1e-9));
    [7, 2, 2, 1e-9, 0].forEach((expected, i) => {
      expect(Math.abs(found[i] - expected)).toBeLessThan(1e-14);
    });
  });

  it.each([
    [1, 1],
    [5, 5],
    [12, 7],
    [7, 12],
    [1, 9],
    [40, 40],
  ])("a random %i × %i matrix, against one-sided Jacobi", (rows, columns) => {
    const matrix = random(rows, columns);
    const found = singularValues(matrix);
    const expected = byJacobi(matrix);
    expect(found).toHaveLength(expected.length);
    expected.forEach((value, i) => {
      expect(Math.abs(found[i] - value)).toBeLessThan(1e-13 * expected[0]);
    });
  });

  // Elimination leaves rounding of rounding behind a matrix's rank: at last numbers whose squares no float64 can hold.
  it.each([1e-150, 1e-161, 1e-162, 1e-200, 1e-310])("a part of size %d beside 1 is 0 to rounding, not NaN", (tiny) => {
    const [first, ...others] = singularValues({
      rows: 3,
      columns: 3,
      values: Float64Array.of(1, 0, 0, 0, tiny, tiny, 0, tiny, -tiny),
    });
    expect(first).toBeCloseTo(1, 14);
    for (const value of others) expect(value).toBeLessThan(1e-15);
  });

  // H = I − 2wwᵀ for a unit w is orthogonal, so H₁·diag(σ)·H₂ has the singular values σ, up to its own making.
  it.each([4, 30, 120])("known singular values of an n × n matrix, n = %d: within the bound of rounding", (n) => {
    const rng = new Rng(n);
    const sigma = Array.from({ length: n }, (_, i) => 10 ** (-12 * (i / n)));
    let values = diagonal(...sigma).values;
    for (const side of [0, 1]) {
      const w = Array.from({ length: n }, () => rng.normal());
      const squares = w.reduce((sum, v) => sum + v * v, 0);
      const at = (a: ArrayLike<number>, i: number, j: number): number => (side === 0 ? a[i * n + j] : a[j * n + i]);
      const products = w.map((_, j) => w.reduce((sum, v, i) => sum + v * at(values, i, j), 0));
      values = Float64Array.from(values, (v, k) => {
        const [i, j] = side === 0 ? [Math.floor(k / n), k % n] : [k % n, Math.floor(k / n)];
        return v - (2 * w[i] * products[j]) / squares;
      });
    }
    const matrix = { rows: n, columns: n, values };
    const found = singularValues(matrix);
    sigma.forEach((value, i) => {
      expect(Math.abs(found[i] - value)).toBeLessThan(roundingBound(matrix));
    });
    expect(roundingBound(matrix)).toBeLessThan(1e-10);
  });

  it("Σσ² = ‖A‖², and the zero matrix has zeros", () => {
    const matrix = random(30, 20, 1);
    const squares = (values: Iterable<number>): number => Array.from(values).reduce((sum, v) => sum + v * v, 0);
    expect(squares(singularValues(matrix))).toBeCloseTo(squares(matrix.values), 9);
    expect([...singularValues(diagonal(0, 0, 0))]).toEqual([0, 0, 0]);
  });

  it("a matrix with NaN has NaN, not numbers that look right", () => {
    expect([...singularValues(diagonal(1, Number.NaN))]).toEqual([Number.NaN, Number.NaN]);
  });
});

const who = "jacobianSpectrum";

describe("largestSingularValues", () => {
  it.each([
    [20, 20],
    [60, 35],
    [35, 60],
  ])("a random %i × %i matrix: the first 6 of all, within their bounds", (rows, columns) => {
    const matrix = random(rows, columns, 2);
    const all = singularValues(matrix);
    const found = largestSingularValues(who, matrix, 6);
    found.forEach(({ value, error }, i) => {
      expect(error).toBeLessThan(2e-8 * all[0]);
      expect(Math.abs(value - all[i])).toBeLessThan(error + 1e-12);
    });
  });

  it("the identity: Krylov's space ends at once, and starts again", () => {
    const found = largestSingularValues(who, diagonal(...new Array<number>(12).fill(1)), 4);
    for (const { value, error } of found) {
      expect(value).toBeCloseTo(1, 12);
      expect(error).toBeLessThan(1e-12);
    }
  });

  it("the zero matrix: zeros", () => {
    expect(largestSingularValues(who, diagonal(0, 0, 0), 3)).toEqual(new Array(3).fill({ value: 0, error: 0 }));
  });

  it("rank 1: one value, then zeros", () => {
    const values = Float64Array.from({ length: 20 }, (_, k) => (1 + Math.floor(k / 4)) * (1 + (k % 4)));
    const found = largestSingularValues(who, { rows: 5, columns: 4, values }, 3);
    expect(found[0].value).toBeCloseTo(Math.sqrt(55 * 30), 10);
    expect(found[1].value).toBeLessThan(1e-10);
  });
});

it("largestSingularValues of matrices of low rank whose blocks repeat: it comes to an end, and is right", () => {
  for (let seed = 0; seed < 300; seed++) {
    const rng = new Rng(seed);
    const [n, copies] = [2 + rng.integer(4), 1 + rng.integer(3)];
    const rank = 1 + rng.integer(n);
    const block = Float64Array.from({ length: n * n }, (_, k) => (k % n < rank ? rng.normal() : 0));
    const size = n * copies;
    const values = new Float64Array(size * size);
    block.forEach((v, k) => {
      for (let c = 0; c < copies; c++) values[(c * n + Math.floor(k / n)) * size + c * n + (k % n)] = v;
    });
    const matrix = { rows: size, columns: size, values };
    const [largest] = singularValues(matrix);
    const [found] = largestSingularValues(who, matrix, 1 + rng.integer(size));
    expect(Math.abs(found.value - largest)).toBeLessThan(1e-10 * largest);
  }
});

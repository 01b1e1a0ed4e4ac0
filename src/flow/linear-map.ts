/**
 * Linear maps from the entries of one tensor to those of another, written down row by row: input entries and their
 * factors.
 *
 * The weightless part W of a Jacobian is such a map (weightless.ts). Most of its rows have one entry or none, and an
 * identity needs no rows at all. Factors are float64. The map records whether all arithmetic on them was exact, because
 * a proof that W is the identity needs a 1 that was not rounded to 1.
 */

/** `factor` times the identity. */
export interface Multiple {
  readonly kind: "multiple";
  readonly factor: number;
  readonly exact: boolean;
}

/** Row i is Σ factors[k]·(entry columns[k]) over k from starts[i] to starts[i + 1]. */
export interface Rows {
  readonly kind: "rows";
  readonly starts: Int32Array;
  readonly columns: Int32Array;
  readonly factors: Float64Array;
  readonly exact: boolean;
}

/** A map that is not tracked. */
export interface Unknown {
  readonly kind: "unknown";
  readonly why: string;
}

export type LinearMap = { readonly kind: "zero" } | Multiple | Rows | Unknown;

export const ZERO: LinearMap = { kind: "zero" };
export const IDENTITY: Multiple = { kind: "multiple", factor: 1, exact: true };

/** Rows with more terms than this are not tracked: 100 MB. */
const MOST_TERMS = 2 ** 23;
const LONG_ROW = 16;

/** A map that takes one entry into each row, or none where `from` is −1. */
export function selecting(from: ArrayLike<number>, factor: (row: number) => number = () => 1, exact = true): Rows {
  const builder = new Builder(from.length);
  for (let row = 0; row < from.length; row++) {
    if (from[row] >= 0) builder.add(from[row], factor(row));
    builder.endRow();
  }
  return builder.finish(exact) as Rows;
}

/** A map given by the terms of each row: entries, and their factors. */
export function summing(
  rows: number,
  terms: (row: number) => Iterable<readonly [column: number, factor: number]>,
  exact: boolean,
): LinearMap {
  const builder = new Builder(rows);
  for (let row = 0; row < rows; row++) {
    for (const [column, factor] of terms(row)) builder.add(column, factor);
    builder.endRow();
  }
  return builder.finish(exact);
}

/** Collects a map row by row, and adds up terms of one column. */
class Builder {
  readonly #starts: Int32Array;
  #columns: Int32Array;
  #factors: Float64Array;
  #row = 0;
  #terms = 0;
  #exact = true;
  #full = false;
  #places: Map<number, number> | null = null;

  constructor(rows: number) {
    this.#starts = new Int32Array(rows + 1);
    this.#columns = new Int32Array(rows);
    this.#factors = new Float64Array(rows);
  }

  /** Adds a term to the current row. */
  add(column: number, factor: number): void {
    if (factor === 0) return;
    const known = this.#find(column);
    if (known >= 0) {
      const sum = this.#factors[known] + factor;
      if (!isExactSum(this.#factors[known], factor, sum)) this.#exact = false;
      this.#factors[known] = sum;
      return;
    }
    if (this.#terms === this.#columns.length) this.#grow();
    if (this.#full) return;
    if (this.#places) this.#places.set(column, this.#terms);
    this.#columns[this.#terms] = column;
    this.#factors[this.#terms++] = factor;
  }

  /** The term of this column in the current row, or −1. Long rows are looked up in a table. */
  #find(column: number): number {
    const start = this.#starts[this.#row];
    if (!this.#places && this.#terms - start > LONG_ROW) {
      this.#places = new Map();
      for (let k = start; k < this.#terms; k++) this.#places.set(this.#columns[k], k);
    }
    if (this.#places) return this.#places.get(column) ?? -1;
    for (let k = start; k < this.#terms; k++) if (this.#columns[k] === column) return k;
    return -1;
  }

  endRow(): void {
    // Cancelled terms are dropped. (Because of rounding they may only nearly have cancelled: then the map is not
    // exact.)
    let kept = this.#starts[this.#row];
    for (let k = kept; k < this.#terms; k++) {
      if (this.#factors[k] === 0) continue;
      this.#columns[kept] = this.#columns[k];
      this.#factors[kept++] = this.#factors[k];
    }
    this.#terms = kept;
    this.#starts[++this.#row] = kept;
    this.#places = null;
  }

  finish(exact: boolean): LinearMap {
    if (this.#full) return { kind: "unknown", why: `it has more than ${MOST_TERMS} terms` };
    return {
      kind: "rows",
      starts: this.#starts,
      columns: this.#columns.slice(0, this.#terms),
      factors: this.#factors.slice(0, this.#terms),
      exact: exact && this.#exact,
    };
  }

  #grow(): void {
    if (this.#terms >= MOST_TERMS) {
      this.#full = true;
      return;
    }
    const columns = new Int32Array(Math.max(16, 2 * this.#columns.length));
    columns.set(this.#columns);
    this.#columns = columns;
    const factors = new Float64Array(columns.length);
    factors.set(this.#factors);
    this.#factors = factors;
  }
}

/** outer ∘ inner. */
export function compose(outer: LinearMap, inner: LinearMap): LinearMap {
  if (inner.kind === "zero" || outer.kind === "zero") return ZERO;
  if (inner.kind === "unknown") return inner;
  if (outer.kind === "unknown") return outer;
  if (outer.kind === "multiple") return times(inner, outer);
  if (inner.kind === "multiple") return times(outer, inner);
  const rows = outer.starts.length - 1;
  const result = new Builder(rows);
  let exact = outer.exact && inner.exact;
  for (let row = 0; row < rows; row++) {
    for (let k = outer.starts[row]; k < outer.starts[row + 1]; k++) {
      const middle = outer.columns[k];
      for (let l = inner.starts[middle]; l < inner.starts[middle + 1]; l++) {
        if (!isExactProduct(outer.factors[k], inner.factors[l])) exact = false;
        result.add(inner.columns[l], outer.factors[k] * inner.factors[l]);
      }
    }
    result.endRow();
  }
  return result.finish(exact);
}

/** a + b, both from `columns` entries to `rows`. */
export function plus(a: LinearMap, b: LinearMap, rows: number): LinearMap {
  if (a.kind === "zero") return b;
  if (b.kind === "zero") return a;
  if (a.kind === "unknown") return a;
  if (b.kind === "unknown") return b;
  if (a.kind === "multiple" && b.kind === "multiple") {
    const factor = a.factor + b.factor;
    const exact = a.exact && b.exact && isExactSum(a.factor, b.factor, factor);
    if (factor === 0) return exact ? ZERO : { kind: "unknown", why: "rounding may have made it zero" };
    return { kind: "multiple", factor, exact };
  }
  const [p, q] = [a, b].map((map) => rowsOf(map, rows));
  const result = new Builder(rows);
  for (let row = 0; row < rows; row++) {
    for (const { starts, columns, factors } of [p, q]) {
      for (let k = starts[row]; k < starts[row + 1]; k++) result.add(columns[k], factors[k]);
    }
    result.endRow();
  }
  return result.finish(p.exact && q.exact);
}

/** The map with its rows written down. */
export function rowsOf(map: Exclude<LinearMap, Unknown>, rows: number): Rows {
  if (map.kind === "rows") return map;
  const factor = map.kind === "zero" ? 0 : map.factor;
  return selecting(
    new Int32Array(rows).map((_, i) => i),
    () => factor,
    map.kind === "zero" || map.exact,
  );
}

/** The same entries in the same places, each times 1. */
export function withOnes(map: LinearMap): LinearMap {
  if (map.kind === "multiple") return IDENTITY;
  return map.kind === "rows" ? { ...map, factors: map.factors.map(() => 1), exact: true } : map;
}

/** Wᵀg, as float64. */
export function transposed(map: Exclude<LinearMap, Unknown>, g: Float64Array, columns: number): Float64Array {
  const result = new Float64Array(columns);
  if (map.kind === "zero") return result;
  if (map.kind === "multiple") return g.map((v) => map.factor * v);
  for (let row = 0; row < g.length; row++) {
    for (let k = map.starts[row]; k < map.starts[row + 1]; k++) result[map.columns[k]] += map.factors[k] * g[row];
  }
  return result;
}

function times(map: Multiple | Rows, { factor, exact }: Multiple): LinearMap {
  if (factor === 0) return exact ? ZERO : { kind: "unknown", why: "a factor is too small for float64" };
  if (factor === 1 && exact) return map;
  if (map.kind === "multiple") {
    const product = factor * map.factor;
    const isExact = exact && map.exact && isExactProduct(factor, map.factor);
    if (product === 0) return { kind: "unknown", why: "a factor is too small for float64" };
    return { kind: "multiple", factor: product, exact: isExact };
  }
  const factors = map.factors.map((f) => f * factor);
  const products = map.factors.every((f) => isExactProduct(f, factor));
  return { ...map, factors, exact: exact && map.exact && products };
}

/** Whether a·b is exact in float64, as far as it is easy to tell. */
export function isExactProduct(a: number, b: number): boolean {
  const product = a * b;
  // Products of two 24-bit numbers have 48 bits; dividing again detects products with a power of two.
  if (Math.fround(a) === a && Math.fround(b) === b) return product !== 0 || a === 0 || b === 0;
  return Number.isFinite(product) && (isPowerOfTwo(a) || isPowerOfTwo(b)) && Math.abs(product) > 1e-300;
}

export function isPowerOfTwo(value: number): boolean {
  let rest = Math.abs(value);
  if (!(rest > 0 && rest < Infinity)) return false;
  while (rest >= 2) rest /= 2;
  while (rest < 1) rest *= 2;
  return rest === 1;
}

/** Knuth's test: the error of a rounded sum is a float64 too. */
function isExactSum(a: number, b: number, sum: number): boolean {
  const back = sum - a;
  return a - (sum - back) + (b - back) === 0;
}

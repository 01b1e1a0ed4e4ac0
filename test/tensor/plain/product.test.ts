/** The product that all others are made of: how rows are packed, how tables address the other factor. */
import { describe, expect, it } from "vitest";
import { packedSize, packRows, product } from "../../../src/tensor/plain/product.ts";

describe("packRows", () => {
  it("interleaves four rows, and fills the last four up with zeros", () => {
    // Five rows of two numbers: 1 2, 3 4, 5 6, 7 8, 9 10.
    const source = Float32Array.from({ length: 10 }, (_, i) => i + 1);
    const packed = new Float64Array(packedSize(5, 2)).fill(Number.NaN);
    packRows(source, 0, 2, 1, 5, 2, packed, 0);
    expect([...packed]).toEqual([1, 3, 5, 7, 2, 4, 6, 8, 9, 0, 0, 0, 10, 0, 0, 0]);
  });

  it("reads a transposed matrix by exchanging the strides", () => {
    const source = Float32Array.of(1, 2, 3, 4, 5, 6);
    const packed = new Float64Array(packedSize(3, 2));
    packRows(source, 0, 1, 3, 3, 2, packed, 0);
    expect([...packed]).toEqual([1, 2, 3, 0, 4, 5, 6, 0]);
  });
});

describe("product", () => {
  /** A = [1 2; 3 4], B[p, j] = b[rows[p] + columns[j]]. */
  const a = new Float64Array(packedSize(2, 2));
  packRows(Float32Array.of(1, 2, 3, 4), 0, 2, 1, 2, 2, a, 0);
  const b = Float64Array.of(0, 1, 10, 100, 1000, 10000);
  const common = { m: 2, k: 2, a, aOffset: 0, b, cOffset: 0 };

  it("windows of a row are a matrix: rows 0 1, columns 0 … 3 make [1 10 100 1000; 10 100 1000 10000] of b from 1 on", () => {
    const c = new Float32Array(8).fill(Number.NaN);
    product({
      ...common,
      n: 4,
      bOffset: 1,
      rows: Int32Array.of(0, 1),
      columns: Int32Array.of(0, 1, 2, 3),
      c,
      cStride: 4,
    });
    expect([...c]).toEqual([21, 210, 2100, 21000, 43, 430, 4300, 43000]);
  });

  it("targets scatter the columns, bias starts the rows, accumulate adds", () => {
    const c = new Float32Array(10).fill(-1);
    const scattered = {
      n: 2,
      bOffset: 1,
      rows: Int32Array.of(0, 1),
      columns: Int32Array.of(0, 2),
      c,
      cStride: 5,
      targets: Int32Array.of(4, 1),
    };
    product({ ...common, ...scattered, bias: Float32Array.of(9, 0.5, 0.25), biasOffset: 1 });
    expect([...c]).toEqual([-1, 2100.5, -1, -1, 21.5, -1, 4300.25, -1, -1, 43.25]);
    product({ ...common, ...scattered, accumulate: true });
    expect([...c]).toEqual([-1, 4200.5, -1, -1, 42.5, -1, 8600.25, -1, -1, 86.25]);
  });

  it("sums longer than a block: 1000 ones times 1000 ones, with bias once", () => {
    const ones = new Float64Array(4000).fill(1);
    const c = new Float32Array(1);
    const rows = Int32Array.from({ length: 1000 }, (_, p) => p);
    product({
      m: 1,
      n: 1,
      k: 1000,
      a: ones,
      aOffset: 0,
      b: ones,
      bOffset: 0,
      rows,
      columns: Int32Array.of(0),
      c,
      cOffset: 0,
      cStride: 1,
      bias: Float32Array.of(0.5),
    });
    expect(c[0]).toBe(1000.5);
  });
});

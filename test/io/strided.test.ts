import { expect, test } from "vitest";
import { gather, isContiguous, spanOf } from "../../src/io/strided.ts";
import { Rng } from "../../src/tensor/index.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

test("a transpose of [[1, 2, 3], [4, 5, 6]]", () => {
  expect(gather(bytes(1, 2, 3, 4, 5, 6), 1, [3, 2], [1, 3])).toEqual(bytes(1, 4, 2, 5, 3, 6));
});

test("every second column; a repeated element (stride 0); a scalar; nothing", () => {
  expect(gather(bytes(1, 2, 3, 4, 5, 6, 7), 1, [2, 2], [4, 2])).toEqual(bytes(1, 3, 5, 7));
  expect(gather(bytes(9), 1, [2, 3], [0, 0])).toEqual(bytes(9, 9, 9, 9, 9, 9));
  expect(gather(bytes(9), 1, [], [])).toEqual(bytes(9));
  expect(gather(bytes(), 1, [0, 3], [3, 1])).toEqual(bytes());
});

test("elements of two bytes keep theirs together", () => {
  expect(gather(bytes(1, 2, 3, 4, 5, 6), 2, [3], [1])).toEqual(bytes(1, 2, 3, 4, 5, 6));
  expect(gather(bytes(1, 2, 3, 4, 5, 6, 7, 8), 2, [2, 2], [1, 2])).toEqual(bytes(1, 2, 5, 6, 3, 4, 7, 8));
});

test("how far a view reaches", () => {
  expect(spanOf([2, 3], [3, 1])).toBe(6);
  expect(spanOf([2, 3], [8, 2])).toBe(13);
  expect(spanOf([], [])).toBe(1);
  expect(spanOf([0, 3], [3, 1])).toBe(0);
  expect(spanOf([1000, 1000], [0, 0])).toBe(1);
});

test("row-major or not", () => {
  expect(isContiguous([2, 3], [3, 1])).toBe(true);
  expect(isContiguous([2, 3], [1, 2])).toBe(false);
  expect(isContiguous([2, 1, 3], [3, 77, 1])).toBe(true);
  expect(isContiguous([0, 3], [5, 9])).toBe(true);
  expect(isContiguous([], [])).toBe(true);
});

test("random views against the definition: element (i, j, k) = storage[i·s₀ + j·s₁ + k·s₂]", () => {
  const rng = new Rng(4);
  for (let round = 0; round < 50; round++) {
    const shape = [1 + rng.integer(4), 1 + rng.integer(4), 1 + rng.integer(4)];
    const strides = shape.map(() => rng.integer(7));
    const storage = Uint8Array.from({ length: spanOf(shape, strides) }, () => rng.integer(256));
    const expected: number[] = [];
    for (let i = 0; i < shape[0]; i++)
      for (let j = 0; j < shape[1]; j++)
        for (let k = 0; k < shape[2]; k++) expected.push(storage[i * strides[0] + j * strides[1] + k * strides[2]]);
    expect([...gather(storage, 1, shape, strides)]).toEqual(expected);
  }
});

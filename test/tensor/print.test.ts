/** Printing against NumPy: each expected text is what NumPy 2.4.6 prints for the same float32 array (`str(a)`). */
import { describe, expect, it } from "vitest";
import { arange, tensor } from "../../src/tensor/create.ts";
import { formatTensor } from "../../src/tensor/print.ts";
import { sizeOf } from "../../src/tensor/shape.ts";

const NAN = Number.NaN;
const INF = Number.POSITIVE_INFINITY;

const layouts: readonly (readonly [name: string, values: number[], shape: number[], text: string])[] = [
  ["a scalar", [3], [], `3.0`],
  ["a fraction", [0.1], [], `0.1`],
  ["a large scalar", [10000000000], [], `1e+10`],
  ["a small scalar", [1.5e-7], [], `1.5e-07`],
  ["a scalar NaN", [NAN], [], `nan`],
  ["the scalar −0", [-0], [], `-0.0`],
  ["a million", [1234567], [], `1.234567e+06`],
  ["whole numbers", [1, 2, 3], [3], `[1. 2. 3.]`],
  ["negatives", [-1, 2, -30], [3], `[ -1.   2. -30.]`],
  ["mixed decimals", [0.5, -1.25, 100], [3], `[  0.5   -1.25 100.  ]`],
  ["the digits float32 has", [0.33333334, 0.6666667, 1], [3], `[0.33333334 0.6666667  1.        ]`],
  ["a tenth", [0.1, 0.2, 0.3], [3], `[0.1 0.2 0.3]`],
  ["a small one among ones", [1e-5, 1], [2], `[1.e-05 1.e+00]`],
  ["a ratio of 1000", [1, 1000], [2], `[   1. 1000.]`],
  ["a ratio above 1000", [1, 1001], [2], `[1.000e+00 1.001e+03]`],
  ["large", [100000000, 1], [2], `[1.e+08 1.e+00]`],
  ["far apart", [1e-30, 1e30], [2], `[1.e-30 1.e+30]`],
  ["digits before exponents", [1.234e-10, -10000000000], [2], `[ 1.234e-10 -1.000e+10]`],
  ["NaN and infinities", [NAN, INF, -INF, 1.5], [4], `[ nan  inf -inf  1.5]`],
  ["only NaN", [NAN, NAN], [2], `[nan nan]`],
  ["−∞ among whole numbers", [-INF, 1, 22], [3], `[-inf   1.  22.]`],
  ["NaN with exponents", [1e-10, NAN, 10000000000], [3], `[1.e-10    nan 1.e+10]`],
  ["zero and minus zero", [0, -0], [2], `[ 0. -0.]`],
  [
    "a matrix",
    [1, 2.5, -3, 4],
    [2, 2],
    `[[ 1.   2.5]
 [-3.   4. ]]`,
  ],
  [
    "three axes, a blank line between",
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    [2, 2, 3],
    `[[[ 0.  1.  2.]
  [ 3.  4.  5.]]

 [[ 6.  7.  8.]
  [ 9. 10. 11.]]]`,
  ],
  [
    "four axes, two blank lines",
    [0, 1, 2, 3, 4, 5, 6, 7],
    [2, 1, 2, 2],
    `[[[[0. 1.]
   [2. 3.]]]


 [[[4. 5.]
   [6. 7.]]]]`,
  ],
  ["nothing", [], [0], `[]`],
  ["rows of nothing", [], [2, 0], `[]`],
  [
    "a line that wraps",
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29],
    [30],
    `[ 0.  1.  2.  3.  4.  5.  6.  7.  8.  9. 10. 11. 12. 13. 14. 15. 16. 17.
 18. 19. 20. 21. 22. 23. 24. 25. 26. 27. 28. 29.]`,
  ],
  [
    "a matrix that wraps",
    [
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
      31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
    ],
    [2, 22],
    `[[ 0.  1.  2.  3.  4.  5.  6.  7.  8.  9. 10. 11. 12. 13. 14. 15. 16. 17.
  18. 19. 20. 21.]
 [22. 23. 24. 25. 26. 27. 28. 29. 30. 31. 32. 33. 34. 35. 36. 37. 38. 39.
  40. 41. 42. 43.]]`,
  ],
  [
    "wrapped decimals",
    [0.14285715, 0.2857143, 0.5714286, 1.1428572, 2.2857144, 4.571429, 9.142858, 18.285715, 36.57143, 73.14286],
    [10],
    `[ 0.14285715  0.2857143   0.5714286   1.1428572   2.2857144   4.571429
  9.142858   18.285715   36.57143    73.14286   ]`,
  ],
  [
    "generated weights",
    [-0.41941404, -0.86277986, -0.6664125, 0.82111],
    [2, 2],
    `[[-0.41941404 -0.86277986]
 [-0.6664125   0.82111   ]]`,
  ],
];

/** 0, 1, 2, … in a shape. */
const counted: readonly (readonly [name: string, shape: number[], text: string])[] = [
  ["a long axis", [1001], `[   0.    1.    2. ...  998.  999. 1000.]`],
  [
    "a long matrix",
    [2, 600],
    `[[0.000e+00 1.000e+00 2.000e+00 ... 5.970e+02 5.980e+02 5.990e+02]
 [6.000e+02 6.010e+02 6.020e+02 ... 1.197e+03 1.198e+03 1.199e+03]]`,
  ],
  [
    "a tall matrix",
    [600, 2],
    `[[0.000e+00 1.000e+00]
 [2.000e+00 3.000e+00]
 [4.000e+00 5.000e+00]
 ...
 [1.194e+03 1.195e+03]
 [1.196e+03 1.197e+03]
 [1.198e+03 1.199e+03]]`,
  ],
  [
    "long in two of three axes",
    [2, 8, 100],
    `[[[0.000e+00 1.000e+00 2.000e+00 ... 9.700e+01 9.800e+01 9.900e+01]
  [1.000e+02 1.010e+02 1.020e+02 ... 1.970e+02 1.980e+02 1.990e+02]
  [2.000e+02 2.010e+02 2.020e+02 ... 2.970e+02 2.980e+02 2.990e+02]
  ...
  [5.000e+02 5.010e+02 5.020e+02 ... 5.970e+02 5.980e+02 5.990e+02]
  [6.000e+02 6.010e+02 6.020e+02 ... 6.970e+02 6.980e+02 6.990e+02]
  [7.000e+02 7.010e+02 7.020e+02 ... 7.970e+02 7.980e+02 7.990e+02]]

 [[8.000e+02 8.010e+02 8.020e+02 ... 8.970e+02 8.980e+02 8.990e+02]
  [9.000e+02 9.010e+02 9.020e+02 ... 9.970e+02 9.980e+02 9.990e+02]
  [1.000e+03 1.001e+03 1.002e+03 ... 1.097e+03 1.098e+03 1.099e+03]
  ...
  [1.300e+03 1.301e+03 1.302e+03 ... 1.397e+03 1.398e+03 1.399e+03]
  [1.400e+03 1.401e+03 1.402e+03 ... 1.497e+03 1.498e+03 1.499e+03]
  [1.500e+03 1.501e+03 1.502e+03 ... 1.597e+03 1.598e+03 1.599e+03]]]`,
  ],
];

describe("as NumPy prints", () => {
  it.each(layouts)("%s", (_, values, shape, text) => {
    expect(tensor(values, shape).toString()).toBe(text);
  });

  it.each(counted)("%s", (_, shape, text) => {
    expect(formatTensor(arange(sizeOf(shape)).data, shape)).toBe(text);
  });

  it("float64 with the digits it has", () => {
    expect(formatTensor(Float64Array.of(1 / 3), [])).toBe("0.3333333333333333");
    expect(formatTensor(Float64Array.of(1 / 3, 2), [2])).toBe("[0.33333333 2.        ]");
    expect(formatTensor(Float64Array.of(1e100, 1e-100), [2])).toBe("[1.e+100 1.e-100]");
    expect(formatTensor(Float64Array.of(5e7, 1e5), [2])).toBe("[50000000.   100000.]");
  });

  it("a million elements are printed without being formatted", () => {
    expect(formatTensor(new Float32Array(1_000_000), [1000, 1000]).length).toBeLessThan(200);
  });
});

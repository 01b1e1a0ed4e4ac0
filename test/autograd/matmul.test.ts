/** matmul and linear: PyTorch's rules for ranks and broadcasting, gradients, PyTorch's numbers, what they refuse. */
import { describe, expect, it } from "vitest";
import { gradcheck } from "../../src/autograd/gradcheck.ts";
import { linear, matmul } from "../../src/autograd/matmul.ts";
import { transpose } from "../../src/autograd/shape.ts";
import { randn, tensor, zeros } from "../../src/tensor/create.ts";
import { ShapeError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { broadcastShapes, type Shape, sizeOf, stridesOf } from "../../src/tensor/shape.ts";
import { owned, type Tensor } from "../../src/tensor/tensor.ts";
import { adjointError } from "../support/adjoint.ts";
import { readGolden } from "../support/golden.ts";
import { goldenFamily } from "../support/golden-family.ts";
import { cases } from "./cases/matmul.ts";

describe("examples", () => {
  const a = tensor([[1, 2], [3, 4]]); // biome-ignore format: a matrix
  it("matrix · matrix", () => {
    expect(matmul(a, tensor([[5, 6], [7, 8]])).toArray()).toEqual([[19, 22], [43, 50]]); // biome-ignore format: matrices
  });
  it("matrix · vector is a vector, vector · vector a scalar", () => {
    expect(matmul(a, tensor([5, 6])).toArray()).toEqual([17, 39]);
    expect(matmul(tensor([5, 6]), a).toArray()).toEqual([23, 34]);
    expect(matmul(tensor([5, 6]), tensor([1, 10])).toArray()).toBe(65);
  });
  it("linear is x·wᵀ + b", () => {
    expect(linear(tensor([[1, 2]]), a, tensor([0.5, 0])).toArray()).toEqual([[5.5, 11]]);
  });
});

describe("matmul against the definition", () => {
  const shapes = cases.filter(({ op }) => op === "matmul").map(({ inputs }) => inputs as [Shape, Shape]);
  for (const [a, b] of shapes) {
    it(`a=[${a}] b=[${b}]`, () => {
      const rng = new Rng(3);
      const x = randn(a, rng);
      const y = randn(b, rng);
      const expected = definition(x, y);
      const got = matmul(x, y);
      expect(got.shape).toEqual(expected.shape);
      got.data.forEach((value, i) => {
        expect(value).toBeCloseTo(expected.data[i], 5);
      });
    });
  }

  it("sums of no terms are 0: a=[2,0] b=[0,3]", () => {
    expect(matmul(zeros([2, 0]), zeros([0, 3])).toArray()).toEqual([[0, 0, 0], [0, 0, 0]]); // biome-ignore format: a matrix
  });
});

/** Element by element in float64: lift vectors to matrices, broadcast, sum, drop the lifted axes. */
function definition(a: Tensor, b: Tensor): Tensor {
  const A = a.rank === 1 ? [1, a.size] : a.shape;
  const B = b.rank === 1 ? [b.size, 1] : b.shape;
  const outer = broadcastShapes("definition", A.slice(0, -2), B.slice(0, -2));
  const [m, k, n] = [A[A.length - 2], A[A.length - 1], B[B.length - 1]];
  const at = (t: Tensor, shape: Shape, index: readonly number[]): number => {
    const own = index.slice(index.length - shape.length).map((i, axis) => (shape[axis] === 1 ? 0 : i));
    const strides = stridesOf(shape);
    return t.data[own.reduce((offset, i, axis) => offset + i * strides[axis], 0)];
  };
  const values: number[] = [];
  for (let batch = 0; batch < sizeOf(outer); batch++) {
    const index = stridesOf(outer).map((stride, axis) => Math.floor(batch / stride) % outer[axis]);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let p = 0; p < k; p++) sum += at(a, A, [...index, i, p]) * at(b, B, [...index, p, j]);
        values.push(sum);
      }
    }
  }
  return owned(Float64Array.from(values), [...outer, ...(a.rank === 1 ? [] : [m]), ...(b.rank === 1 ? [] : [n])]);
}

describe("gradients", () => {
  for (const { name, inputs, call, linearIn = [] } of cases) {
    it(`${name}: gradcheck, and backward is the adjoint of forward`, () => {
      const rng = new Rng(2);
      const points = inputs.map((shape) => randn(shape, rng));
      expect(gradcheck(call, points)).toBeLessThan(1e-7);
      const wide = points.map((t) => owned(Float64Array.from(t.data), t.shape));
      for (const i of linearIn) {
        expect(adjointError((x) => call(...wide.map((t, j) => (j === i ? x : t))), points[i])).toBeLessThan(1e-12);
      }
    });
  }
});

const mine = new Set(["matmul", "matmul_nt", "matmul_tn", "linear"]);
const others = readGolden("matmul_shape").cases.map(({ op }) => op);
goldenFamily("matmul_shape", {
  run: {
    matmul: ({ input }) => matmul(input("a"), input("b")),
    matmul_nt: ({ input }) => matmul(input("a"), transpose(input("b"), 0, 1)),
    matmul_tn: ({ input }) => matmul(transpose(input("a"), 0, 1), input("b")),
    linear: ({ input, optional }) => linear(input("x"), input("w"), optional("b")),
  },
  skip: Object.fromEntries(others.filter((op) => !mine.has(op)).map((op) => [op, "see shaping.test.ts"])),
});

describe("errors", () => {
  const refused: [string, () => Tensor, string][] = [
    [
      "inner lengths that differ",
      () => matmul(zeros([3, 4]), zeros([3, 4])),
      "matmul: rows of a have 4 elements, columns of b 3 (a [3,4], b [3,4])",
    ],
    ["a scalar", () => matmul(zeros([]), zeros([3])), "matmul: a scalar has no rows or columns (a [], b [3])"],
    ["batches that do not broadcast", () => matmul(zeros([2, 3, 4]), zeros([3, 4, 5])), "do not broadcast"],
    [
      "features that differ",
      () => linear(zeros([2, 5]), zeros([3, 4])),
      "linear: x has 5 features, w expects 4 (x [2,5], w [3,4])",
    ],
    ["a weight of rank 3", () => linear(zeros([2, 5]), zeros([1, 3, 5])), "w must have rank 2"],
    ["a bias of the wrong length", () => linear(zeros([2, 5]), zeros([3, 5]), zeros([5])), "b must be [3]"],
    ["a scalar x", () => linear(zeros([]), zeros([3, 5])), "x must have at least one axis"],
  ];
  for (const [name, call, message] of refused) {
    it(name, () => {
      expect(call).toThrow(ShapeError);
      expect(call).toThrow(message);
    });
  }
});

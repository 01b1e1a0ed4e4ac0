/** einsum: examples, its graph, against the definition on random equations, errors. (PyTorch's references: axes.test.ts.) */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { einsum } from "../../src/autograd/einsum.ts";
import { nodesBefore } from "../../src/autograd/graph.ts";
import { arange, randn, tensor, zeros } from "../../src/tensor/create.ts";
import { ShapeError, ValueError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { type Shape, sizeOf } from "../../src/tensor/shape.ts";
import { Tensor } from "../../src/tensor/tensor.ts";

const a = tensor([
  [1, 2],
  [3, 4],
]);

describe("examples", () => {
  it.each<[string, unknown]>([
    ["ii", 5],
    ["ii->i", [1, 4]],
    [
      "ji",
      [
        [1, 3],
        [2, 4],
      ],
    ],
    ["ij->", 10],
    ["ij->j", [4, 6]],
    ["...j->...", [3, 7]],
  ])("%s of [[1, 2], [3, 4]]", (equation, expected) => {
    expect(einsum(equation, a).toArray()).toEqual(expected);
  });

  it("a product of three, a length of 1, and of 1 against 0", () => {
    const v = tensor([1, 10]);
    expect(einsum("i,ij,j", v, a, v).item()).toBe(1 + 20 + 30 + 400);
    expect(einsum("ij,j->i", a, tensor([2])).toArray()).toEqual([6, 14]);
    expect(einsum("ij,jk->ik", zeros([2, 1]), zeros([0, 3])).toArray()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  it("the result is a tensor of its own, also where nothing is computed", () => {
    expect(einsum("ij->ij", a)).not.toBe(a);
  });
});

it("attention is one product of matrices per head, and nothing is summed or multiplied beside it", () => {
  const q = new Tensor(new Float32Array(48), [2, 2, 3, 4], true);
  const ops = nodesBefore(einsum("bhqd,bhkd->bhqk", q, q)).map(({ op }) => op);
  expect(ops).toEqual(["matmul", "permute"]);
});

it("random equations of two operands: the sum over all letters, by definition", () => {
  const letters = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 3 });
  fc.assert(
    fc.property(letters, letters, fc.infiniteStream(fc.integer({ min: 0, max: 3 })), (p, q, stream) => {
      const names: readonly string[] = [...new Set([...p, ...q])];
      const lengths: Record<string, number> = Object.fromEntries(names.map((name) => [name, stream.next().value]));
      const output = names.filter(() => stream.next().value % 2 === 0);
      const [x, y] = [p, q].map((axes, i) =>
        randn(
          axes.map((name) => lengths[name]),
          new Rng(i),
        ),
      );
      const shape = output.map((name) => lengths[name]);
      const expected = new Float64Array(sizeOf(shape));
      const all = names.map((name) => lengths[name]);
      for (let n = 0; n < sizeOf(all); n++) {
        const at = (axes: readonly string[], of: Shape): number =>
          axes.reduce((place, name, i) => place * of[i] + digit(n, names.indexOf(name), all), 0);
        expected[at(output, shape)] += x.data[at(p, x.shape)] * y.data[at(q, y.shape)];
      }
      const got = einsum(`${p.join("")},${q.join("")}->${output.join("")}`, x, y);
      expect(got.shape).toEqual(shape);
      got.data.forEach((v, i) => {
        expect(Math.abs(v - expected[i])).toBeLessThan(1e-5);
      });
    }),
    { seed: 1, numRuns: 200 },
  );
});

/** The index along `axis` of element n. */
function digit(n: number, axis: number, shape: Shape): number {
  return Math.floor(n / sizeOf(shape.slice(axis + 1))) % shape[axis];
}

describe("errors", () => {
  const b = arange(3);
  it.each<[string, Tensor[], string]>([
    ["ij,j", [a, b], "einsum: letter j must have one length, got 2 in operand 0 and 3 in operand 1 ([2,2], [3])"],
    ["ii", [zeros([3, 4])], "einsum: letter i must have one length in operand 0, got 3 and 4 ([3,4])"],
    [
      "...,...",
      [a, b],
      'einsum: an axis of "..." must have one length, got 2 in operand 0 and 3 in operand 1 ([2,2], [3])',
    ],
    ["ijk", [a], 'einsum: operand 0 must have the axes "ijk", got [2,2]'],
    ["i...jk", [a], 'einsum: operand 0 must have the axes "i...jk", got [2,2]'],
  ])("%s: a ShapeError", (equation, tensors, message) => {
    expect(() => einsum(equation, ...tensors)).toThrow(ShapeError);
    expect(() => einsum(equation, ...tensors)).toThrow(message);
  });

  it.each<[string, Tensor[], string]>([
    ["ij,jk", [a], 'must have one term for each of 1 tensors, got 2: "ij,jk"'],
    ["ij->ijj", [a], 'must name each axis of the result once, got j twice: "ij->ijj"'],
    ["ij->k", [a], 'must have k, which is in the result, in an operand, too: "ij->k"'],
    ["i1", [a], 'must have letters, "...", "," and "->" only, got "1": "i1"'],
    ["i- >j", [a], 'only, got "-"'],
    ["i..", [a], 'only, got "."'],
    [". ..i", [a], 'only, got "."'],
    ["......", [a], 'must have one "..." in a term'],
    ["i->i->i", [b], 'must have at most one "->"'],
  ])("%s: a ValueError", (equation, tensors, message) => {
    expect(() => einsum(equation, ...tensors)).toThrow(ValueError);
    expect(() => einsum(equation, ...tensors)).toThrow(message);
  });
});

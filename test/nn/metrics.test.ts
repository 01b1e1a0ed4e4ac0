import { expect, it } from "vitest";
import { accuracy } from "../../src/nn/index.ts";
import { tensor, zeros } from "../../src/tensor/create.ts";

const logits = tensor([
  [0.1, 0.9, 0.5],
  [0.8, 0.2, 0.3],
  [0, 1, 2],
  [5, 5, 5],
]);

it("the fraction of rows whose largest logit is the label's; the first of equals counts", () => {
  expect(accuracy(logits, [1, 0, 2, 0])).toBe(1);
  expect(accuracy(logits, [1, 1, 2, 1])).toBe(0.5);
  expect(accuracy(logits, Int32Array.of(0, 1, 0, 2))).toBe(0);
});

it("top 2", () => {
  expect(accuracy(logits, [2, 1, 1, 1], { top: 2 })).toBe(0.75);
  expect(accuracy(logits, [0, 1, 0, 2], { top: 3 })).toBe(1);
});

it("NaN is never right", () => {
  const broken = tensor([
    [Number.NaN, 1, 0],
    [0, 1, Number.NaN],
    [Number.NaN, Number.NaN, Number.NaN],
  ]);
  expect(accuracy(broken, [0, 1, 2])).toBe(0);
  expect(accuracy(broken, [1, 1, 0])).toBe(0);
});

it("errors: shapes and labels", () => {
  expect(() => accuracy(logits, [0])).toThrow(
    "accuracy: logits must be [N, C] with one row per label, got [4,3] for 1 labels",
  );
  expect(() => accuracy(zeros([4]), [0, 0, 0, 0])).toThrow("accuracy: logits must be [N, C]");
  expect(() => accuracy(logits, [0, 1, 3, 0])).toThrow("accuracy: label 3 at position 2 is not a class: there are 3");
  expect(() => accuracy(logits, [0, -1, 0, 0])).toThrow("label -1 at position 1");
});

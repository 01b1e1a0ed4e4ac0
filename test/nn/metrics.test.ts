import { describe, expect, it } from "vitest";
import { accuracy } from "../../src/nn/index.ts";
import { tensor, zeros } from "../../src/tensor/create.ts";

const logits = tensor([
  [0.1, 0.9, 0.5],
  [0.8, 0.2, 0.3],
  [0, 1, 2],
  [5, 5, 5],
]);

describe("accuracy", () => {
  it("the fraction of rows whose largest logit is the label's; the first of equals counts", () => {
    expect(accuracy(logits, [1, 0, 2, 0])).toEqual({ value: 1, count: 4 });
    expect(accuracy(logits, [1, 1, 2, 1]).value).toBe(0.5);
    expect(accuracy(logits, Int32Array.of(0, 1, 0, 2)).value).toBe(0);
  });

  it("top 2", () => {
    expect(accuracy(logits, [2, 1, 1, 1], { top: 2 }).value).toBe(0.75);
    expect(accuracy(logits, [0, 1, 0, 2], { top: 3 }).value).toBe(1);
  });

  it("labels that are ignored do not count: −100, or what is said; none left is NaN of 0", () => {
    expect(accuracy(logits, [1, -100, 0, -100])).toEqual({ value: 0.5, count: 2 });
    expect(accuracy(logits, Uint8Array.of(255, 0, 255, 255), { ignoreIndex: 255 })).toEqual({ value: 1, count: 1 });
    expect(accuracy(logits, [0, 1, 2, 1], { ignoreIndex: 1 })).toEqual({ value: 0.5, count: 2 });
    expect(accuracy(logits, [-100, -100, -100, -100])).toEqual({ value: Number.NaN, count: 0 });
  });

  it("[N, C, W]: one label per pixel, in row-major order", () => {
    const picture = tensor([
      [
        [1, 0, 3],
        [0, 2, 1],
      ],
    ]);
    expect(accuracy(picture, [0, 1, 0])).toEqual({ value: 1, count: 3 });
    expect(accuracy(picture, tensor([[1, 1, 1]])).value).toBeCloseTo(1 / 3, 12);
  });

  it("a tensor of probabilities: the largest is the label", () => {
    const target = tensor([
      [0, 1, 0],
      [0.2, 0.5, 0.3],
      [0.3, 0.3, 0.4],
      [0.5, 0.5, 0],
    ]);
    expect(accuracy(logits, target)).toEqual({ value: 0.75, count: 4 });
  });

  it("NaN is never right", () => {
    const broken = tensor([
      [Number.NaN, 1, 0],
      [0, 1, Number.NaN],
      [Number.NaN, Number.NaN, Number.NaN],
    ]);
    expect(accuracy(broken, [0, 1, 2]).value).toBe(0);
    expect(accuracy(broken, [1, 1, 0]).value).toBe(0);
  });

  it("errors: shapes, labels, a single class, options", () => {
    expect(() => accuracy(logits, [0])).toThrow("accuracy: logits [4,3] need 4 labels, got 1");
    expect(() => accuracy(logits, zeros([3]))).toThrow(
      "accuracy: labels must be [4] class numbers or [4,3] probabilities, got [3]",
    );
    expect(() => accuracy(zeros([4]), [0, 0, 0, 0])).toThrow("accuracy: logits must be [N, C]");
    expect(() => accuracy(logits, [0, 1, 3, 0])).toThrow("accuracy: label 3 at position 2 is not a class: there are 3");
    expect(() => accuracy(logits, [0, -1, 0, 0])).toThrow("label -1 at position 1");
    expect(() => accuracy(logits, Float32Array.of(0, 0.5, 0, 0))).toThrow("label 0.5 at position 1");
    expect(() => accuracy(zeros([4, 1]), [0, 0, 0, 0])).toThrow("accuracy: logits [4,1] have one class");
    expect(() => accuracy(logits, [0, 1, 2, 0], { top: 0 })).toThrow("accuracy: top must be a whole number of 1");
    const misspelt = { ignore_index: 255 } as object;
    expect(() => accuracy(logits, [0, 1, 2, 0], misspelt)).toThrow('did you mean "ignoreIndex"?');
  });
});

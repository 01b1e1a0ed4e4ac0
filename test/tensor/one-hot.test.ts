/** oneHot: of a list, of labels with a shape, and of what is no label. */
import { describe, expect, it } from "vitest";
import { argmax } from "../../src/autograd/reduce.ts";
import { eye, tensor } from "../../src/tensor/create.ts";
import { ShapeError, UsageError, ValueError } from "../../src/tensor/errors.ts";
import { oneHot } from "../../src/tensor/one-hot.ts";

describe("oneHot", () => {
  it("a 1 at each label's class", () => {
    expect(oneHot([2, 0], 3).toArray()).toEqual([
      [0, 0, 1],
      [1, 0, 0],
    ]);
    expect(oneHot(Uint8Array.of(1), 2).toArray()).toEqual([[0, 1]]);
    expect(oneHot([], 3).shape).toEqual([0, 3]);
  });

  it("of labels with a shape: a new last axis", () => {
    expect(oneHot({ data: [0, 1, 1, 0], shape: [2, 2] }, 2).toArray()).toEqual([
      [
        [1, 0],
        [0, 1],
      ],
      [
        [0, 1],
        [1, 0],
      ],
    ]);
    expect(oneHot(tensor([1, 0]), 2).toArray()).toEqual([
      [0, 1],
      [1, 0],
    ]);
    expect(oneHot(argmax(eye(3), 1), 3).toArray()).toEqual(eye(3).toArray());
  });

  it.each([
    [ValueError, "oneHot: the label at position 1 must be a class from 0 to 2, got 3", () => oneHot([0, 3], 3)],
    [ValueError, "oneHot: the label at position 0 must be a class from 0 to 2, got -1", () => oneHot([-1], 3)],
    [ValueError, "oneHot: the label at position 0 must be a class from 0 to 2, got 0.5", () => oneHot([0.5], 3)],
    [ValueError, "oneHot: classes must be a whole number of 0 or more, got -1", () => oneHot([0], -1)],
    [UsageError, "oneHot: labels must be whole numbers, a list or { data, shape }, got 2", () => oneHot(2 as never, 3)],
    [UsageError, "got null", () => oneHot(null as never, 3)],
    [ShapeError, "oneHot: the labels [3] must be 3 numbers, got 2", () => oneHot({ data: [0, 1], shape: [3] }, 3)],
  ])("%o: %s", (type, message, call) => {
    expect(call).toThrow(type);
    expect(call).toThrow(message);
  });
});

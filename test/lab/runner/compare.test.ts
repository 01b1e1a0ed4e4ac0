import { expect, test } from "vitest";
import { compareValues } from "../../../lab/runner/compare.ts";

test("every value with its place; the same only to the last bit", () => {
  expect(compareValues({ loss: 0.1, norms: [1, 2] }, { loss: 0.1, norms: [1, 2.0000000000000004] })).toEqual([
    { path: "loss", recorded: "0.1", again: "0.1", same: true },
    { path: "norms[0]", recorded: "1", again: "1", same: true },
    { path: "norms[1]", recorded: "2", again: "2.0000000000000004", same: false },
  ]);
});

test("NaN is NaN, null is null", () => {
  expect(compareValues([Number.NaN, null], [Number.NaN, null]).map(({ same }) => same)).toEqual([true, true]);
});

test("what only one of them has is a difference", () => {
  expect(compareValues({ a: 1 }, { b: 2 })).toEqual([
    { path: "a", recorded: "1", again: "", same: false },
    { path: "b", recorded: "", again: "2", same: false },
  ]);
  expect(compareValues({ a: [1] }, { a: [1, 2] }).filter(({ same }) => !same)).toHaveLength(1);
  expect(compareValues({ a: [1] }, { a: 1 })).toEqual([{ path: "a", recorded: "[1]", again: "1", same: false }]);
});

test("times are not compared", () => {
  expect(
    compareValues({ seconds: 1, runs: [{ seconds: 2, loss: 3 }] }, { seconds: 4, runs: [{ seconds: 5, loss: 3 }] }),
  ).toEqual([{ path: "runs[0].loss", recorded: "3", again: "3", same: true }]);
});

test("a bare number", () => {
  expect(compareValues(1, 2)).toEqual([{ path: "result", recorded: "1", again: "2", same: false }]);
});

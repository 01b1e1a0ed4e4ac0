import { describe, expect, test } from "vitest";
import { inWords, sharesOf } from "../../../lab/runner/shares.ts";

const auto = { workers: undefined, kernels: "auto" } as const;

describe("as many tasks at once as there are, and the threads that are left within each", () => {
  test.each([
    [2, 1, [2], "on 2 threads"],
    [2, 2, [1, 1], "2 at once, on 2 threads"],
    [2, 7, [1, 1], "2 at once, on 2 threads"],
    [1, 7, [1], "on one thread"],
    [8, 3, [3, 3, 2], "3 at once, on 8 threads"],
    [8, 5, [2, 2, 2, 1, 1], "5 at once, on 8 threads"],
  ])("%d threads, %d tasks", (threads, tasks, shares, words) => {
    expect(sharesOf(tasks, { ...auto, threads })).toEqual(shares);
    expect(inWords(shares)).toBe(words);
  });
});

test("--workers: at most so many at once; more of them than threads have one each", () => {
  expect(sharesOf(7, { ...auto, threads: 8, workers: 2 })).toEqual([4, 4]);
  expect(sharesOf(7, { ...auto, threads: 2, workers: 1 })).toEqual([2]);
  expect(sharesOf(7, { ...auto, threads: 2, workers: 3 })).toEqual([1, 1, 1]);
});

test("a task on the plain kernels has one thread", () => {
  expect(sharesOf(3, { ...auto, threads: 8, kernels: "plain" })).toEqual([1, 1, 1]);
});

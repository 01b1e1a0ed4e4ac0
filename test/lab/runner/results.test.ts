import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { appendResults, fingerprintOf, type Origin, readResults } from "../../../lab/runner/results.ts";

const origin: Origin = { experiment: "sample", version: "1.0.0", code: "abc", kernels: "plain", data: "123 half" };
const tasks = [
  { depth: 8, seed: 1 },
  { depth: 8, seed: 2 },
];
const fresh = (): string => join(mkdtempSync(join(tmpdir(), "skipstone-")), "results.jsonl");

test("what is written is found again, by what it is and not by the order of its keys", () => {
  const path = fresh();
  const result = { loss: Number.NaN, norms: [1, Number.POSITIVE_INFINITY], curve: Float32Array.of(0.5, 0.25) };
  appendResults(path, origin, [{ task: tasks[0], result, seconds: 2 }]);
  const { finished, stale, damaged } = readResults(path, origin, tasks);
  expect([stale, damaged]).toEqual([0, 0]);
  expect(finished.size).toBe(1);
  const sameTask: object = { seed: 1, depth: 8 };
  expect(finished.get(fingerprintOf(origin, sameTask))).toEqual({
    task: tasks[0],
    result: { loss: Number.NaN, norms: [1, Number.POSITIVE_INFINITY], curve: [0.5, 0.25] },
    seconds: 2,
  });
});

test("a file that is not there has no results", () => {
  expect(readResults(fresh(), origin, tasks)).toEqual({ finished: new Map(), stale: 0, damaged: 0 });
});

test("of a task that was computed twice the later result counts", () => {
  const path = fresh();
  appendResults(path, origin, [{ task: tasks[0], result: 1, seconds: 0 }]);
  appendResults(path, origin, [{ task: tasks[0], result: 2, seconds: 0 }]);
  expect([...readResults(path, origin, tasks).finished.values()].map(({ result }) => result)).toEqual([2]);
});

describe("results of something else", () => {
  test.each([
    ["another version", { version: "1.0.1" }],
    ["other code", { code: "abd" }],
    ["other kernels", { kernels: "simd" }],
    ["other data", { data: "124 half" }],
  ])("%s: stale", (_, change) => {
    const path = fresh();
    appendResults(path, { ...origin, ...change }, [{ task: tasks[0], result: 1, seconds: 0 }]);
    const { finished, stale } = readResults(path, origin, tasks);
    expect([finished.size, stale]).toEqual([0, 1]);
    const anyCode = readResults(path, origin, tasks, { anyCode: true });
    expect(anyCode.finished.size).toBe("version" in change || "code" in change ? 1 : 0);
  });

  test("another task: neither used nor counted", () => {
    const path = fresh();
    const other = { ...tasks[0], depth: 14 };
    appendResults(path, origin, [{ task: other, result: 1, seconds: 0 }]);
    expect(readResults(path, origin, tasks)).toEqual({ finished: new Map(), stale: 0, damaged: 0 });
  });
});

test("a line that was being written when the power went is left aside, and the next begins on a line of its own", () => {
  const path = fresh();
  appendResults(path, origin, [{ task: tasks[0], result: 1, seconds: 0 }]);
  appendResults(path, origin, [{ task: tasks[1], result: 2, seconds: 0 }]);
  writeFileSync(path, readFileSync(path, "utf8").slice(0, -9));
  expect(readResults(path, origin, tasks)).toMatchObject({ finished: { size: 1 }, damaged: 1 });
  appendResults(path, origin, [{ task: tasks[1], result: 3, seconds: 0 }]);
  const { finished, damaged } = readResults(path, origin, tasks);
  expect([...finished.values()].map(({ result }) => result)).toEqual([1, 3]);
  expect(damaged).toBe(1);
});

test("a place that cannot be written to: an error that says why", () => {
  const path = join(tmpdir(), "skipstone-not-there", "results.jsonl");
  expect(() => appendResults(path, origin, [{ task: tasks[0], result: 1, seconds: 0 }])).toThrow(
    `cannot write the result to ${path}: no such file or directory (ENOENT)`,
  );
});

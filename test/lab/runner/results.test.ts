import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { appendResults, fingerprintOf, type Origin, ResultsFile, readResults } from "../../../lab/runner/results.ts";

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

describe("a line that is not as it was written is left aside", () => {
  const good = { origin, task: tasks[0], seconds: 1, result: { loss: 1 } };
  const whole = (): Record<string, unknown> => {
    const path = fresh();
    appendResults(path, origin, [good]);
    return JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  };
  test.each([
    ["no object", () => null],
    ["a number", () => 5],
    ["a list", () => [1]],
    ["the result null", () => ({ ...whole(), result: null })],
    ["another number in the result", () => ({ ...whole(), result: { loss: 2 } })],
    ["no result", () => ({ ...whole(), result: undefined })],
    ["the task null", () => ({ ...whole(), task: null })],
    ["the origin a list", () => ({ ...whole(), origin: [] })],
    ["seconds as text", () => ({ ...whole(), seconds: "1" })],
    ["another checksum", () => ({ ...whole(), check: "0123456789abcdef" })],
  ])("%s", (_, change) => {
    const path = fresh();
    writeFileSync(path, `${JSON.stringify(change())}\n`);
    for (const anyCode of [false, true]) {
      expect(readResults(path, origin, tasks, { anyCode })).toEqual({ finished: new Map(), stale: 0, damaged: 1 });
    }
  });

  test("one without a checksum, of version 0.1.0: to be drawn, not believed", () => {
    const path = fresh();
    writeFileSync(path, `${JSON.stringify(good)}\n`);
    expect(readResults(path, origin, tasks)).toMatchObject({ finished: { size: 0 }, stale: 1, damaged: 0 });
    expect(readResults(path, origin, tasks, { anyCode: true }).finished.size).toBe(1);
  });
});

test("a file that was removed meanwhile is written again, with the results of earlier runs", () => {
  const path = fresh();
  const results = tasks.map((task) => ({ task, result: 1, seconds: 0 }));
  const file = new ResultsFile(path, origin, [results[0]]);
  file.add(results[1]);
  expect(readResults(path, origin, tasks).finished.size).toBe(2);
  rmSync(dirname(path), { recursive: true });
  file.add({ ...results[1], result: 2 });
  const { finished } = readResults(path, origin, tasks);
  expect([...finished.values()].map(({ result }) => result)).toEqual([1, 2]);
});

test("what cannot be written is an error that says why, is kept, and is written with the next", () => {
  const folder = mkdtempSync(join(tmpdir(), "skipstone-"));
  const path = join(folder, "out", "results.jsonl");
  writeFileSync(join(folder, "out"), "");
  const file = new ResultsFile(path, origin, []);
  const [one, two] = tasks.map((task) => ({ task, result: 1, seconds: 0 }));
  expect(() => file.add(one)).toThrow(
    `cannot write the results to ${path}: a part of the path is not a directory (ENOTDIR)`,
  );
  const elsewhere = fresh();
  file.save(elsewhere);
  expect(readResults(elsewhere, origin, tasks).finished.size).toBe(1);
  rmSync(join(folder, "out"));
  file.add(two);
  expect(readResults(path, origin, tasks).finished.size).toBe(2);
  expect(readFileSync(path, "utf8").trimEnd().split("\n")).toHaveLength(2);
});

test("a directory or a pipe in its place is refused, not waited for", () => {
  const directory = dirname(fresh());
  expect(() => readResults(directory, origin, tasks)).toThrow(
    `cannot read the earlier results in ${directory}: it is not a file`,
  );
});

import { beforeAll, expect, test } from "vitest";
import { expand } from "../../../lab/experiments/expand.ts";
import { checkReport, runSmall } from "./support.ts";

const small = () =>
  runSmall(
    expand,
    { depth: 20, at: [0.3, 0.6], orders: ["everyOther", "front"], width: 2, batchSize: 8, steps: 10, testImages: 10 },
    [1, 2],
  );
let run: Awaited<ReturnType<typeof small>>;

beforeAll(async () => {
  run = await small();
}, 60_000);

test("whole and expanded; curves, tables and paragraph", () => {
  expect(run.cases.map(({ task }) => task.way)).toEqual(["whole", "everyOther", "front"]);
  checkReport(expand, run.cases, run.options);
  expect(run.report.charts.map(({ id }) => id)).toEqual(["loss-by-step", "loss-by-time"]);
});

test("7 of 9 blocks can collapse: every fourth is there from the start, then every second, then all", () => {
  const [whole, everyOther] = run.cases.map(({ results }) => results[0]);
  expect(whole.used).toBeCloseTo(1, 12);
  expect(everyOther.expansions.map(({ step, blocks }) => [step, blocks])).toEqual([
    [3, 2],
    [6, 3],
  ]);
  // 4 of 9 blocks for 3 steps, 6 for 3, 9 for 4.
  expect(everyOther.used).toBeCloseTo((3 * 4 + 3 * 6 + 4 * 9) / 90, 12);
});

test("no jump: the loss on test images is the same to the last bit, although the weights have moved", () => {
  for (const { task, results } of run.cases) {
    if (task.way === "whole") continue;
    for (const { expansions } of results) {
      expect(expansions).toHaveLength(2);
      for (const { lossBefore, lossAfter } of expansions) expect(lossAfter).toBe(lossBefore);
      expect(expansions[1].lossBefore).not.toBe(expansions[0].lossBefore);
    }
  }
});

test("the sentence says by how much the loss jumped", () => {
  const [whole, everyOther] = run.cases;
  const cases = [
    { ...whole, results: whole.results.map((r, i) => ({ ...r, testError: 0.1 + 0.01 * i, seconds: 10 })) },
    {
      ...everyOther,
      results: everyOther.results.map((r, i) => ({
        ...r,
        testError: 0.1 + 0.01 * i,
        seconds: 7,
        used: 0.7,
        expansions: [{ step: 3, blocks: 2, lossBefore: 1, lossAfter: 1.5 }],
      })),
    },
  ];
  expect(expand.report(cases, run.options).found).toBe(
    "With 20 layers, compared with whole from the start, the test error is alike with “expanded, every other block first”; at an expansion the loss jumped, which it should not.",
  );
});

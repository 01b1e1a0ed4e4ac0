import { beforeAll, expect, test } from "vitest";
import { highway as computed } from "../../../lab/experiments/highway.ts";
import { highwayReport } from "../../../lab/experiments/highway-report.ts";
import { checkReport, runSmall } from "./support.ts";

const highway = { ...computed, report: highwayReport };

const small = () => runSmall(highway, { depths: [3, 6], batchSize: 8, steps: 4, testImages: 10 }, [1, 2]);
let run: Awaited<ReturnType<typeof small>>;

beforeAll(async () => {
  run = await small();
}, 60_000);

test("every depth with gates and without; charts, table and paragraph", () => {
  expect(run.cases.map(({ label }) => label)).toEqual(["plain-3", "plain-6", "highway-3", "highway-6"]);
  checkReport(highway, run.cases, run.options);
  expect(run.report.charts.map(({ id }) => id)).toEqual([
    "training-loss",
    "loss-by-depth",
    "gates-by-layer",
    "gates-by-class",
    "gates-of-images",
  ]);
});

test("gates: one mean per highway layer, near 1/(1 + depth) at the start; class means average to the layer's", () => {
  const { task, results } = run.cases.find(({ label }) => label === "highway-6")!;
  const { atStart, trained } = results[0].gates!;
  expect(atStart.means).toHaveLength(task.depth - 1);
  // b = −ln depth, and the weights scatter the units around σ(b).
  for (const value of atStart.means) expect(Math.abs(value - 1 / 7)).toBeLessThan(0.15);
  // The 24 test images have the classes 0 … 3 equally often, and 4 … 9 never.
  const layer = (l: number): number => trained.byClass.slice(0, 4).reduce((sum, values) => sum + values[l] / 4, 0);
  trained.means.forEach((value, l) => {
    expect(layer(l)).toBeCloseTo(value, 5);
  });
  expect(trained.byClass[4][0]).toBeNaN();
  expect(run.cases[0].results[0].gates).toBeNull();
  // Of the gates of every unit for every image: none is counted twice.
  expect(trained.shut + trained.open).toBeLessThanOrEqual(1);
  expect(trained.shut).toBeGreaterThan(0);
});

test("the heat chart shows classes that are there, less the layer's mean", () => {
  const chart = run.report.charts.find(({ id }) => id === "gates-by-class")!;
  if (chart.kind !== "heat") throw new Error(`a ${chart.kind} chart`);
  const [{ xs, ys, values }] = chart.panels;
  expect([xs, ys]).toEqual([
    [1, 2, 3, 4, 5],
    [0, 1, 2, 3],
  ]);
  for (const l of xs.keys()) expect(values.reduce((sum, row) => sum + row[l], 0)).toBeCloseTo(0, 5);
});

test("the sentence says what the numbers say", () => {
  const gates = {
    means: [0.5, 0.05, 0.01, 0.04, 0.2],
    deviations: [0.1, 0.3, 0, 0, 0],
    byClass: [[0.5, 0.05, 0.01, 0.04, 0.2]],
    examples: [[0.5, 0.05, 0.01, 0.04, 0.2]],
    shut: 0.6,
    open: 0.05,
  };
  const cases = run.cases.map((each) => ({
    ...each,
    results: each.results.map((result, i) => ({
      ...result,
      trainLoss: (each.task.net === "plain" ? each.task.depth / 10 : 0.1) + 0.01 * i,
      gates: result.gates && { atStart: { ...gates, means: [0.1] }, trained: gates },
    })),
  }));
  expect(highway.report(cases).found).toBe(
    "With more layers plain networks learn worse and highway networks learn as well as with few.",
  );
});

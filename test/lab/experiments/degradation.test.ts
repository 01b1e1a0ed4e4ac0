import { expect, test } from "vitest";
import { degradation } from "../../../lab/experiments/degradation.ts";
import type { Training } from "../../../lab/training/train.ts";
import { checkReport, runSmall } from "./support.ts";

test("every depth with and without shortcuts; curves, table and paragraph", async () => {
  const { cases, report, options } = await runSmall(
    degradation,
    { depths: [8, 14], width: 2, batchSize: 8, steps: 6, testImages: 10 },
    [1, 2],
  );
  expect(cases.map(({ label, seeds }) => [label, seeds])).toEqual([
    ["plain-8", [1, 2]],
    ["plain-14", [1, 2]],
    ["residual-8", [1, 2]],
    ["residual-14", [1, 2]],
  ]);
  expect(cases[0].results[0].curve).toHaveLength(6);
  checkReport(degradation, cases, options);
  expect(report.charts.map(({ id }) => id)).toEqual(["training-error", "training-loss", "error-by-depth"]);
  expect(report.tables[0].rows.map(([label]) => label)).toEqual(["plain-8", "plain-14", "residual-8", "residual-14"]);
});

test("the sentence says what the numbers say", () => {
  const training = (trainError: number): Training => ({
    parameters: 1,
    curve: [],
    trainLoss: 1,
    trainError,
    testLoss: 1,
    testError: trainError,
    divergedAt: null,
  });
  const cases = (["plain", "residual"] as const).flatMap((net) =>
    [8, 14].map((depth) => ({
      task: { depth, net } as Parameters<typeof degradation.label>[0],
      label: `${net}-${depth}`,
      seeds: [1, 2],
      results:
        net === "plain" ? [training(depth / 100), training(depth / 99)] : [training(1 / depth), training(1.1 / depth)],
    })),
  );
  const { found } = degradation.report(cases, { steps: 1, batchSize: 1 } as Parameters<typeof degradation.report>[1]);
  expect(found).toBe("With more layers plain networks learn worse and residual networks learn better.");
});

import { expect, test } from "vitest";
import { orders } from "../../../lab/experiments/orders.ts";
import { checkReport, runSmall } from "./support.ts";

test("five orders at two depths; curves, dots, table and paragraph", async () => {
  const { cases, report, options } = await runSmall(
    orders,
    { depths: [8, 14], width: 2, batchSize: 8, steps: 3, testImages: 10 },
    [1, 2],
  );
  expect(cases.map(({ label }) => label)).toEqual(
    [8, 14].flatMap((depth) =>
      [
        "original",
        "norm after addition",
        "ReLU before addition",
        "ReLU-only pre-activation",
        "full pre-activation",
      ].map((name) => `${name}, ${depth} layers`),
    ),
  );
  checkReport(orders, cases, options);
  expect(report.charts.map(({ id }) => id)).toEqual(["training-loss", "test-error"]);
  expect(report.tables[0].rows[4].at(-1)).toBe("6.37 / 5.46");
  // Five orders of the same convolutions start differently in the first step already.
  const losses = cases.slice(0, 5).map(({ results }) => results[0].curve[0].loss);
  expect(new Set(losses).size).toBe(5);
});

test("the sentence is about the deepest networks and compares with the original", async () => {
  const { cases, options } = await runSmall(orders, { depths: [8], width: 2, batchSize: 8, steps: 1, testImages: 10 });
  const made = cases.slice(0, 2).flatMap((each) =>
    [8, 14].map((depth) => ({
      ...each,
      task: { ...each.task, depth },
      results: [{ ...each.results[0], testError: each.task.variant === "original" ? 0.2 : depth / 100 }],
    })),
  );
  expect(orders.report(made, options).found).toBe(
    "With 14 layers, compared with original, the test error is lower with norm after addition (one seed each, so any difference counts).",
  );
});

import { beforeAll, expect, test } from "vitest";
import { paths } from "../../../lab/experiments/paths.ts";
import { pathDistribution } from "../../../src/flow/index.ts";
import { checkReport, runSmall } from "./support.ts";

const small = () =>
  runSmall(paths, { depths: [8, 14], width: 2, paths: 3, batchSize: 8, steps: 4, testImages: 10 }, [1, 2]);
let run: Awaited<ReturnType<typeof small>>;

beforeAll(async () => {
  run = await small();
});

test("3 and 6 blocks: gradients and shares of the lengths 0 … n, before and after training", () => {
  expect(run.cases.map(({ label, seeds }) => [label, seeds])).toEqual([
    ["8 layers", [1, 2]],
    ["14 layers", [1, 2]],
  ]);
  for (const { task, results } of run.cases) {
    const n = (task.depth - 2) / 2;
    for (const { initial, trained } of results) {
      expect(trained).not.toEqual(initial);
      for (const { gradients, shares } of [initial, trained]) {
        expect(gradients).toHaveLength(n + 1);
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 10);
        // share = C(n, k)·gradient over the sum of these
        const products = pathDistribution(n).map(({ paths }, k) => paths * gradients[k]);
        expect(shares[1] / shares[0]).toBeCloseTo(products[1] / products[0], 6);
      }
    }
  }
});

test("two pictures with two panels per network, and a row for each", () => {
  checkReport(paths, run.cases, run.options);
  expect(run.report.charts.map(({ id }) => id)).toEqual(["shares", "gradients"]);
  expect(run.report.tables[0].rows.map(([label, when]) => [label, when])).toEqual([
    ["8 layers", "before training"],
    ["8 layers", "trained"],
    ["14 layers", "before training"],
    ["14 layers", "trained"],
  ]);
});

test("the sentence: a gradient that halves with each branch has the paths of a coin that falls 1 : 2", () => {
  // C(n, k)·2⁻ᵏ is binomial with probability 1/3: a mean length of n/3.
  const of = (factor: number) => {
    const rows = pathDistribution(6).map(({ paths, length }) => ({
      gradient: factor ** length,
      product: paths * factor ** length,
    }));
    const sum = rows.reduce((total, { product }) => total + product, 0);
    return { gradients: rows.map(({ gradient }) => gradient), shares: rows.map(({ product }) => product / sum) };
  };
  const made = { ...run.cases[1], results: [{ ...run.cases[1].results[0], initial: of(1), trained: of(0.5) }] };
  expect(paths.report([made], run.options).found).toBe(
    "After training, with 14 layers 95 % of the gradient passes 0 to 4 of 6 branches, on average 2.0, fewer than half of them.",
  );
  const level = { ...made, results: [{ ...made.results[0], trained: of(1) }] };
  expect(paths.report([level], run.options).found).toContain("on average 3.0, about half of them.");
});

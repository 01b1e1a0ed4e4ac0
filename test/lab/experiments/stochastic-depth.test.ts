import { beforeAll, expect, test } from "vitest";
import { stochasticDepth } from "../../../lab/experiments/stochastic-depth.ts";
import { checkReport, runSmall } from "./support.ts";

const small = () =>
  runSmall(
    stochasticDepth,
    { depths: [8], survival: [1, 0.5], width: 2, trainImages: 16, batchSize: 8, steps: 6, testImages: 10 },
    [1, 2],
  );
let run: Awaited<ReturnType<typeof small>>;

beforeAll(async () => {
  run = await small();
}, 60_000);

test("with and without, from the same weights; curves, table and paragraph", () => {
  expect(run.cases.map(({ label }) => label)).toEqual(["8 layers, all blocks", "8 layers, p_L = 0.5"]);
  checkReport(stochasticDepth, run.cases, run.options);
  const [all, some] = run.cases.map(({ results }) => results[0]);
  expect(some.parameters).toBe(all.parameters);
  expect(some.testLoss).not.toBe(all.testLoss);
  expect(all.seconds).toBeGreaterThan(0);
});

test("only the first images are learned: 16 of them and 64 give another training", async () => {
  const { cases } = await runSmall(
    stochasticDepth,
    { depths: [8], survival: [1], width: 2, trainImages: 64, batchSize: 8, steps: 6, testImages: 10 },
    [1],
  );
  expect(cases[0].results[0].trainLoss).not.toBe(run.cases[0].results[0].trainLoss);
});

test("the sentence compares the error with that of all blocks", () => {
  const [all, some] = run.cases;
  const cases = [
    { ...all, results: all.results.map((r, i) => ({ ...r, testError: 0.2 + 0.001 * i, seconds: 0.04 })) },
    { ...some, results: some.results.map((r, i) => ({ ...r, testError: 0.1 + 0.001 * i, seconds: 0.03 })) },
  ];
  expect(stochasticDepth.report(cases, run.options).found).toBe(
    "With 8 layers, compared with all blocks, the test error is lower with p_L = 0.5.",
  );
});

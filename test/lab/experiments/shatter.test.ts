import { beforeAll, expect, test } from "vitest";
import { shatter } from "../../../lab/experiments/shatter.ts";
import { checkReport, runSmall } from "./support.ts";

const small = () => runSmall(shatter, { depths: [1, 16], width: 32, points: 128 }, [1, 2, 3]);
let run: Awaited<ReturnType<typeof small>>;

beforeAll(async () => {
  run = await small();
});

const meanAt = (label: string, lag: number): number => {
  const { results } = run.cases.find((one) => one.label === label)!;
  return results.reduce((sum, { correlation }) => sum + correlation[lag], 0) / results.length;
};

test("four networks at each depth, and two noises", () => {
  expect(run.cases.map(({ label }) => label)).toEqual([
    "plain, 1",
    "plain, 16",
    "plain, batch norm, 1",
    "plain, batch norm, 16",
    "residual, 1",
    "residual, 16",
    "residual, small β, 1",
    "residual, small β, 16",
    "white noise",
    "brown noise",
  ]);
});

test("gradients of root mean square 1, correlations from 1 at lag 0 to an eighth of the line", () => {
  for (const { results } of run.cases) {
    for (const { gradient, correlation } of results) {
      expect(gradient).toHaveLength(128);
      expect(gradient.reduce((sum, g) => sum + g ** 2, 0) / 128).toBeCloseTo(1, 10);
      expect(correlation).toHaveLength(17);
      expect(correlation[0]).toBeCloseTo(1, 12);
    }
  }
});

test("white noise is uncorrelated, brown noise is not; with one layer all networks are one network", () => {
  // The estimate's deviation is about 1/√128 for one seed, 0.05 for three.
  expect(Math.abs(meanAt("white noise", 5))).toBeLessThan(0.2);
  // 1 − R(1) is about half a step's variance over the walk's, which is 128/6 in the mean and seldom below a sixth of that.
  expect(meanAt("brown noise", 1)).toBeGreaterThan(0.85);
  const [plain, residual] = ["plain, 1", "residual, 1"].map((label) => run.cases.find((one) => one.label === label)!);
  expect(residual.results).toEqual(plain.results);
});

test("sixteen plain layers shatter the gradient, one layer does not, and small branches keep it", () => {
  expect(meanAt("plain, 1", 1)).toBeGreaterThan(0.8);
  expect(meanAt("plain, 16", 1)).toBeLessThan(0.5);
  expect(meanAt("residual, small β, 16", 1)).toBeGreaterThan(meanAt("plain, 16", 1) + 0.2);
});

test("report: a panel for each network with both noises in it, and a row for each case", () => {
  checkReport(shatter, run.cases, run.options);
  const [correlations, gradients] = run.report.charts;
  expect(correlations.kind === "lines" && correlations.panels.map(({ series }) => series.length)).toEqual([4, 4, 4, 4]);
  expect(gradients.kind === "lines" && gradients.panels.map(({ title }) => title)).toEqual([
    "plain, 1",
    "plain, 16",
    "residual, small β, 16",
    "brown noise",
    "white noise",
  ]);
  expect(run.report.tables[0].rows).toHaveLength(10);
});

test("the sentence places each deepest network between the noises", () => {
  const made = (net: "plain" | "residual" | "white noise" | "brown noise", depth: number, level: number) => ({
    task: { ...run.cases[0].task, net, depth },
    label: `${net} ${depth}`,
    seeds: [1],
    results: [{ gradient: [1], correlation: [1, level, level] }],
  });
  const nets = [made("plain", 1, 0.8), made("plain", 9, 0.05), made("residual", 9, 0.4)];
  expect(shatter.report([...nets, made("white noise", 0, 0), made("brown noise", 0, 0.8)], run.options).found).toBe(
    "From one input to the next the gradient changes like white noise in plain with 9 layers; between the two in residual with 9 layers; like brown noise in plain with 1 layer.",
  );
  expect(shatter.report(nets, run.options).found).toBe("There is no noise to compare the gradients with.");
});

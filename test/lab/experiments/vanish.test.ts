import { beforeAll, describe, expect, test } from "vitest";
import { vanish } from "../../../lab/experiments/vanish.ts";
import { runSmall } from "./support.ts";

const small = () => runSmall(vanish, { depths: [8, 14], gains: [1, 0.4], width: 2 }, [1, 2]);
let run: Awaited<ReturnType<typeof small>>;

beforeAll(async () => {
  run = await small();
});

test("a task for each depth, net and normalisation, each with both seeds", () => {
  expect(run.cases.map(({ label }) => label)).toEqual([
    "plain-8, batch norm",
    "plain-14, batch norm",
    "residual-8, batch norm",
    "residual-14, batch norm",
    "plain-8, no batch norm",
    "plain-14, no batch norm",
    "residual-8, no batch norm",
    "residual-14, no batch norm",
    "plain-8, no batch norm, weights × 0.4",
    "plain-14, no batch norm, weights × 0.4",
    "residual-8, no batch norm, weights × 0.4",
    "residual-14, no batch norm, weights × 0.4",
  ]);
  for (const { seeds } of run.cases) expect(seeds).toEqual([1, 2]);
});

test("a norm for each convolution", () => {
  for (const { label, results } of run.cases) {
    const depth = label.includes("14") ? 14 : 8;
    for (const { norms } of results) expect(norms).toHaveLength(depth - 1);
  }
});

test("weights times 0.4 make the gradient 0.4 times as large at every layer of a plain network without batch norm", () => {
  const norms = (label: string): readonly number[] => run.cases.find((c) => c.label === label)!.results[0].norms;
  const [whole, less] = [norms("plain-8, no batch norm"), norms("plain-8, no batch norm, weights × 0.4")];
  // From the last convolution (of 7) to layer i the gradient passes 6 − i weights; ReLU masks do not change with the scale.
  // The logits do, a little, and with them the loss's own gradient: hence the ratios to the last layer.
  whole.forEach((norm, i) => {
    const expected = (norm / whole[6]) * 0.4 ** (6 - i);
    expect(less[i] / less[6] / expected).toBeCloseTo(1, 1);
  });
});

describe("report", () => {
  test("a chart with batch norm, one without, and a row for each network", () => {
    expect(run.report.charts.map(({ id }) => id)).toEqual(["batch-norm", "no-batch-norm"]);
    expect(run.report.tables[0].rows).toHaveLength(12);
  });

  test("the sentence is about the deepest networks, and its verdict follows the numbers", () => {
    const { found } = run.report;
    expect(found).not.toContain("plain-8");
    const last = run.cases.find((c) => c.label === "plain-14, no batch norm, weights × 0.4")!;
    const growth = Math.sqrt(
      last.results.map(({ norms }) => norms[0] / norms[12]).reduce((product, ratio) => product * ratio, 1),
    );
    expect(growth).toBeLessThan(0.001);
    expect(found).toContain("the gradient vanishes in “plain-14, no batch norm, weights × 0.4”; arrives in ");
  });
});

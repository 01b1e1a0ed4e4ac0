import { JSDOM } from "jsdom";
import { beforeAll, describe, expect, test } from "vitest";
import type { Case } from "../../../lab/experiment.ts";
import { twins as computed, type Options, type Result, type Task } from "../../../lab/experiments/twins.ts";
import { twinsReport } from "../../../lab/experiments/twins-report.ts";
import { figureOf } from "../../../lab/page/charts/index.ts";
import { renderFigure } from "../../../lab/page/plot.ts";
import { checkReport, runSmall, tinyContext } from "./support.ts";

const twins = { ...computed, report: twinsReport };
const small = { depth: 8, width: 2, batchSize: 8, steps: 4, testImages: 20 } as const;
const run = (changes: Partial<Options> = {}, seeds?: readonly number[]) =>
  runSmall(twins, { ...small, ...changes }, seeds);
let both: Awaited<ReturnType<typeof run>>;
let residual: Result;
let plain: Result;

beforeAll(async () => {
  both = await run();
  [residual, plain] = both.cases.map(({ results }) => results[0]);
});

describe("a run", () => {
  test("the twins see the same batches with the same first weights: all that differs is the shortcut", async () => {
    expect(both.cases.map(({ label }) => label)).toEqual(["residual-8", "plain-8"]);
    expect(plain.parameters).toBe(residual.parameters);
    expect(plain.losses[0]).not.toBe(residual.losses[0]);
    expect((await run()).cases).toEqual(both.cases);
  });

  test("a loss for every step, a norm for every layer with weights, a share for every block", () => {
    expect(residual.losses).toHaveLength(4);
    expect(residual.first.layers.map(({ layer }) => layer).slice(-2)).toEqual(["layer3.0.conv2", "fc"]);
    expect(residual.first.layers).toHaveLength(8);
    expect(residual.tested).toBe(20);
    for (const { share } of residual.first.blocks) expect(share).toBeGreaterThan(0.05);
    for (const { share } of plain.first.blocks) expect(share).toBe(0);
    expect(residual.first.blocks).toHaveLength(3);
    expect(residual.last).not.toEqual(residual.first);
  });

  test("a projection is beside the way and no layer of it; the certificate names it, and what would be without", async () => {
    const { cases, report } = await run({ shortcut: "project", nets: ["residual"] });
    expect(cases[0].results[0].first.layers.map(({ layer }) => layer)).toEqual(
      residual.first.layers.map(({ layer }) => layer),
    );
    expect(cases[0].results[0].parameters).toBeGreaterThan(residual.parameters);
    const [{ text, marks }] = report.marks!.verdicts;
    expect(text).toContain("--shortcut pad` needs no projection");
    expect(marks.map(({ holds }) => holds)).toEqual([false, false, false]);
  });

  test("in the first paper's order the ReLU after each addition is named", async () => {
    const { report } = await run({ order: "post", nets: ["residual"] });
    expect(report.marks!.verdicts[0].details.rows[0][2]).toContain("gated by the mask of relu after the addition");
    expect(report.marks!.verdicts[0].text).toContain("--order pre` has no such ReLU");
  });

  test("branches that start at zero carry nothing before the first step, which a log axis marks on its edge", async () => {
    const { cases, report } = await run({ zeroInit: true });
    const [zero, twin] = cases.map(({ results }) => results[0]);
    for (const { share } of zero.first.blocks) expect(share).toBe(1);
    expect(zero.last!.blocks.some(({ share }) => share < 1)).toBe(true);
    expect(twin.first).toEqual(plain.first);
    const [, chart] = report.charts;
    expect(chart.caption).toContain("exactly zero");
    const { document } = new JSDOM(renderFigure(figureOf(chart)).wide).window;
    const marks = [...document.querySelectorAll("[aria-label=text] text")].filter((t) => t.textContent === "0");
    expect(marks).toHaveLength(zero.first.layers.slice(0, -1).filter(({ norm }) => norm === 0).length);
    expect(marks.length).toBeGreaterThan(0);
  });

  test("asked to end, it ends after the step, is tested and looked at, and says how far it came", async () => {
    let steps = 0;
    const context = { ...tinyContext(), tell: () => steps++, stopping: () => steps >= 2 };
    const task = { ...both.cases[0].task, steps: 1000, seed: 1 };
    const stopped = await twins.run(task, context);
    expect(stopped.losses).toHaveLength(2);
    expect(stopped.losses[0]).toBe(residual.losses[0]);
    expect(stopped.last).not.toBeNull();
    expect(stopped.tested).toBe(20);
  });

  test("it learns the tiny data", async () => {
    const { cases } = await run({ steps: 60, width: 4, nets: ["residual"] });
    expect(cases[0].results[0].testError).toBeLessThan(0.1);
  });
});

describe("what it shows", () => {
  test("of one seed, of several, of one network alone, of a training that diverged", async () => {
    checkReport(twins, both.cases, both.options);
    const two = await run({}, [1, 2]);
    checkReport(twins, two.cases, two.options);
    expect(two.report.headlines![0].note).toContain("mean of 2 seeds");
    expect(two.report.charts[0].caption).toContain("bands are one standard deviation");
    const lost = withResults(both.cases, (result) => ({ ...result, divergedAt: 3, last: null, certificate: null }));
    checkReport(twins, lost, both.options);
    expect(twinsReport(lost, both.options).marks!.verdicts).toEqual([]);
  });

  test("one line per network, its single steps pale behind it; panels for the first and the last step", () => {
    const [loss, gradient, share] = both.report.charts.map((chart) => (chart.kind === "lines" ? chart.panels : []));
    expect(loss[0].series.map(({ name, faint = false, points }) => [name, faint, points.length])).toEqual([
      ["ResNet-8", true, 4],
      ["ResNet-8", false, 4],
      ["plain-8", true, 4],
      ["plain-8", false, 4],
    ]);
    expect(gradient.map(({ title }) => title)).toEqual(["before the first step", "after 4 steps"]);
    expect(gradient[0].series.map(({ points }) => points.map(({ y }) => y))).toEqual(
      [residual, plain].map(({ first }) => first.layers.slice(0, -1).map(({ norm }) => expect.closeTo(norm, 12))),
    );
    expect(share[1].series[0].points.map(({ y }) => y / 100)).toEqual(
      residual.last!.blocks.map(({ share }) => expect.closeTo(share, 10)),
    );
  });

  test("the certificate's verdict on each network, a mark for each block", () => {
    const [one, other] = both.report.marks!.verdicts;
    expect(one.text).toMatch(/^Certified: /);
    expect(one.details.title).toContain("3 of 3 blocks");
    expect(other.text).toMatch(/^Not certified: no skip connection in all 3 blocks/);
    expect(other.marks.map(({ part, holds }) => [part, holds])).toEqual([
      ["layer1.0", false],
      ["layer2.0", false],
      ["layer3.0", false],
    ]);
  });

  test.each([
    [0.03, 0.8, "Without its skip connections the network does not learn: after 4 steps ResNet-8 classifies 97.0 %"],
    [
      0.03,
      0.04,
      "With 8 layers both learn: after 4 steps ResNet-8 classifies 97.0 % of the test images correctly, plain-8",
    ],
    [0.03, 0.2, "With its skip connections the network learns faster: "],
    [0.2, 0.03, "Without its skip connections the network learns faster: "],
    [0.8, 0.9, "Neither of the two has learned much yet: "],
  ])("test errors of %d and %d: the sentence says which it is", (first, second, sentence) => {
    const errors = { residual: first, plain: second };
    const cases = both.cases.map((c) => ({ ...c, results: [{ ...c.results[0], testError: errors[c.task.net] }] }));
    for (const there of [cases, [...cases].reverse()])
      expect(twinsReport(there, both.options).found).toContain(sentence);
  });

  test("numbers at the head: test accuracies, each in its colour", () => {
    const headlines = both.report.headlines!.map(({ label, value, tone }) => [label, value, tone]);
    expect(headlines[0]).toEqual([
      "ResNet-8, with skip connections",
      `${(100 * (1 - residual.testError)).toFixed(2)} %`,
      "residual",
    ]);
    expect(headlines[1][2]).toBe("plain");
  });
});

type Cases = readonly Case<Task, Result>[];

function withResults(cases: Cases, change: (result: Result) => Result): Cases {
  return cases.map((c) => ({ ...c, results: c.results.map(change) }));
}

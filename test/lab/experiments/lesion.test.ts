import { beforeAll, expect, test } from "vitest";
import { lesion as computed } from "../../../lab/experiments/lesion.ts";
import { lesionReport } from "../../../lab/experiments/lesion-report.ts";
import { checkReport, runSmall } from "./support.ts";

const lesion = { ...computed, report: lesionReport };

const small = () =>
  runSmall(
    lesion,
    {
      depth: 14,
      plainDepth: 14,
      vggStage: 2,
      width: 2,
      deletions: [1, 3, 99],
      swaps: [1, 4],
      trials: 2,
      lesionImages: 20,
      batchSize: 8,
      steps: 6,
      testImages: 20,
    },
    [1, 2],
  );
let run: Awaited<ReturnType<typeof small>>;

beforeAll(async () => {
  run = await small();
});

const find = (net: string) => run.cases.find(({ task }) => task.net === net)!;

test("three networks; only the residual one loses several blocks or has them in another order", () => {
  expect(run.cases.map(({ label }) => label)).toEqual(["residual-14", "plain-14", "VGG-style-7"]);
  for (const { many, reordered } of find("residual").results) {
    // More than there are blocks, 99, is left out.
    expect(many.map(({ removed }) => removed)).toEqual([1, 1, 3, 3]);
    expect(reordered.map(({ swaps }) => swaps)).toEqual([1, 1, 4, 4]);
  }
  for (const net of ["plain", "VGG-style"]) {
    for (const { many, reordered } of find(net).results) expect([many, reordered]).toEqual([[], []]);
  }
});

test("each block or layer is deleted once; where the shape changes only a residual network can do without", () => {
  const parts = (net: string) => find(net).results[0].lesions.map(({ part, error }) => [part, error !== null]);
  const changing = (net: string) => find(net).results[0].lesions.map(({ changesShape }) => changesShape);
  const blocks = ["layer1.0", "layer1.1", "layer2.0", "layer2.1", "layer3.0", "layer3.1"];
  const stages = [false, false, true, false, true, false];
  expect(parts("residual")).toEqual(blocks.map((block) => [block, true]));
  expect(changing("residual")).toEqual(stages);
  expect(parts("plain")).toEqual(blocks.map((block, i) => [block, !stages[i]]));
  expect(changing("plain")).toEqual(stages);
  // Convolution and batch norm go together; the first convolution of each stage changes the shape.
  expect(parts("VGG-style")).toEqual([
    ["0 1", false],
    ["3 4", true],
    ["7 8", false],
    ["10 11", true],
    ["14 15", false],
    ["17 18", true],
  ]);
  for (const { results } of run.cases) {
    for (const { lesions } of results) expect(lesions.map(({ place }) => place).slice(0, 2)).toEqual([0, 0.2]);
  }
});

test("three pictures, and a row for each network", () => {
  checkReport(lesion, run.cases, run.options);
  expect(run.report.charts.map(({ id }) => id)).toEqual(["one-part", "many-blocks", "reordered"]);
  expect(run.report.tables[0].rows.map(([label]) => label)).toEqual(["residual-14", "plain-14", "VGG-style-7"]);
});

test("the sentence: what one deletion takes of the way from the intact error to chance", () => {
  const made = (net: "residual" | "plain", errors: number[], many: number[]) => ({
    ...find(net),
    seeds: [1],
    results: [
      {
        ...find(net).results[0],
        classes: 10,
        intact: 0.1,
        lesions: errors.map((error, i) => ({ part: `${i}`, place: i, changesShape: false, error })),
        many: many.map((error, i) => ({ removed: i + 1, error })),
        reordered: many.map((error, i) => ({ swaps: i + 1, kendallTau: 1 - i / 10, error })),
      },
    ],
  });
  const cases = [made("residual", [0.1, 0.14], [0.12, 0.2, 0.5]), made("plain", [0.7, 0.9], [])];
  expect(lesion.report(cases, run.options).found).toBe(
    "residual-14 hardly notices the loss of one block and plain-14 is destroyed by the loss of one block.",
  );
});

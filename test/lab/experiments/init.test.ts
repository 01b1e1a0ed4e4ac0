import { beforeAll, expect, test } from "vitest";
import { init } from "../../../lab/experiments/init.ts";
import { checkReport, runSmall } from "./support.ts";

const small = () =>
  runSmall(init, { depths: [8], rates: [0.05, 1000], width: 2, batchSize: 8, steps: 12, testImages: 10 }, [1, 2]);
let run: Awaited<ReturnType<typeof small>>;

beforeAll(async () => {
  run = await small();
});

test("five ways to start at each rate", () => {
  expect(run.cases.map(({ task }) => task.way)).toEqual(
    ["batch norm", "batch norm, last scale 0", "no normalisation", "SkipInit", "Fixup"].flatMap((way) => [way, way]),
  );
  const parameters = (way: string): number => run.cases.find(({ task }) => task.way === way)!.results[0].parameters;
  // One factor for each of the 3 blocks.
  expect(parameters("SkipInit") - parameters("no normalisation")).toBe(3);
  expect(parameters("batch norm")).toBe(parameters("batch norm, last scale 0"));
});

test("of two rates the better one counts, and one that diverged is never the better one", () => {
  checkReport(init, run.cases, run.options);
  expect(run.report.charts.map(({ id }) => id)).toEqual(["training-loss", "test-error"]);
  const { found } = run.report;
  expect(found).toMatch(
    /^With 8 layers, each at the learning rate that suits it best, .+ ends with the lowest test error, before /,
  );
  expect(run.report.tables[0].rows).toHaveLength(10);
  const wild = run.cases.find(({ task }) => task.way === "no normalisation" && task.learningRate === 1000)!;
  expect(wild.results.every(({ divergedAt }) => divergedAt !== null)).toBe(true);
  expect(found).toContain("no normalisation");
  expect(found).not.toContain("diverged");
});

test("the sentence: diverged trainings are counted over all rates; the fewest divergences go before the lowest loss", () => {
  const of = (way: string, learningRate: number, ...trainings: [loss: number, diverged: boolean][]) => ({
    task: { ...run.cases[0].task, way, learningRate },
    label: `${way} ${learningRate}`,
    seeds: trainings.map((_, i) => i),
    results: trainings.map(([loss, diverged]) => ({
      ...run.cases[0].results[0],
      trainLoss: loss,
      testError: loss / 10,
      divergedAt: diverged ? 3 : null,
    })),
  });
  const cases = [
    of("batch norm", 0.1, [1, false], [2, false]),
    of("batch norm", 0.2, [0.5, true], [0.5, false]),
    of("no normalisation", 0.1, [1, true], [1, false]),
    of("no normalisation", 0.2, [1, true], [1, true]),
  ];
  expect(init.report(cases, run.options).found).toBe(
    "With 8 layers, each at the learning rate that suits it best, batch norm ends with the lowest test error; trainings diverged with no normalisation.",
  );
});

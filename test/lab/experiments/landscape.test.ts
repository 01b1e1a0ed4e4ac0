import { beforeAll, expect, test } from "vitest";
import { landscape as computed } from "../../../lab/experiments/landscape.ts";
import { landscapeReport } from "../../../lab/experiments/landscape-report.ts";
import { checkReport, runSmall } from "./support.ts";

const landscape = { ...computed, report: landscapeReport };

const options = {
  depths: [8],
  width: 2,
  points: 5,
  linePoints: 7,
  lossImages: 16,
  batchSize: 8,
  steps: 6,
  testImages: 10,
};
const small = (parts: number) => runSmall(landscape, { ...options, parts }, [1, 2]);
let run: Awaited<ReturnType<typeof small>>;

beforeAll(async () => {
  run = await small(1);
});

test("a plane and a line around each trained network", () => {
  expect(run.cases.map(({ label }) => label)).toEqual(["plain-8", "residual-8"]);
  for (const { results } of run.cases) {
    for (const { plane, line } of results) {
      expect(plane.map(({ alpha }) => alpha).slice(0, 6)).toEqual([-1, -0.5, 0, 0.5, 1, -1]);
      expect(plane.map(({ beta }) => beta).filter((_, i) => i % 5 === 0)).toEqual([-1, -0.5, 0, 0.5, 1]);
      expect(line.map(({ alpha }) => alpha)).toEqual([-1, -2 / 3, -1 / 3, 0, 1 / 3, 2 / 3, 1]);
      // The line is the plane's middle row: same directions, same images.
      expect(line[0].loss).toBe(plane[10].loss);
      expect(line[3].loss).toBe(plane[12].loss);
    }
  }
});

test("divided among three tasks per network, the same numbers come out, and the same report", async () => {
  const divided = await small(3);
  expect(divided.cases.map(({ label }) => label)).toEqual([
    "plain-8, rows 1 to 2",
    "plain-8, rows 3 to 3",
    "plain-8, rows 4 to 5",
    "residual-8, rows 1 to 2",
    "residual-8, rows 3 to 3",
    "residual-8, rows 4 to 5",
  ]);
  const seeds = divided.cases.slice(0, 3).map(({ results }) => results[1].plane);
  expect(seeds.flat()).toEqual(run.cases[0].results[1].plane);
  expect(divided.report).toEqual(run.report);
  checkReport(landscape, divided.cases, divided.options);
});

test("surface, contour and line", () => {
  checkReport(landscape, run.cases, run.options);
  expect(run.report.charts.map(({ id, kind }) => [id, kind])).toEqual([
    ["surface", "surface"],
    ["contour", "contour"],
    ["line", "lines"],
  ]);
  expect(run.report.tables[0].rows.map(([name]) => name)).toEqual(["plain-8", "residual-8"]);
});

test("the sentence: a parabola is convex, a wave is not", () => {
  const [plain, residual] = run.cases;
  const made = (one: typeof plain, f: (alpha: number, beta: number) => number) => {
    const [result] = one.results;
    const at = ({ alpha, beta }: { alpha: number; beta: number }) => ({ alpha, beta, loss: f(alpha, beta) });
    return {
      ...one,
      seeds: [1],
      results: [{ ...result, classes: 10, trainLoss: 0.5, plane: result.plane.map(at), line: result.line.map(at) }],
    };
  };
  const wave = made(plain, (alpha) => 3 - Math.cos(3 * Math.PI * alpha));
  const bowl = made(residual, (alpha, beta) => 0.5 + alpha ** 2 + beta ** 2);
  expect(landscape.report([wave, bowl], run.options).found).toBe(
    "Shortcuts make a wider hollow with 8 layers (one seed each, so any difference counts).",
  );
});

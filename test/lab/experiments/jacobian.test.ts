import { beforeAll, expect, test } from "vitest";
import { jacobian as computed } from "../../../lab/experiments/jacobian.ts";
import { jacobianReport } from "../../../lab/experiments/jacobian-report.ts";
import { checkReport, runSmall } from "./support.ts";

const jacobian = { ...computed, report: jacobianReport };

const small = () =>
  runSmall(jacobian, { depths: [8, 14], width: 1, stages: [1, 2], batchSize: 8, steps: 6, testImages: 10 }, [1, 2]);
let run: Awaited<ReturnType<typeof small>>;

beforeAll(async () => {
  run = await small();
});

test("plain and residual networks of each depth; blocks of the residual ones with and without the shortcut", () => {
  expect(run.cases.map(({ label }) => label)).toEqual(["plain-8", "plain-14", "residual-8", "residual-14"]);
  for (const { task, results } of run.cases) {
    for (const { initial, trained } of results) {
      expect(trained.network).not.toEqual(initial.network);
      for (const { blocks } of [initial, trained]) {
        expect(blocks.map(({ stage, part }) => [stage, part])).toEqual(
          task.net === "plain"
            ? []
            : [1, 2].flatMap((stage) => [
                [stage, "block"],
                [stage, "branch"],
              ]),
        );
      }
    }
  }
});

test("101 percentiles from the largest down; |σ(I + J_F) − 1| is at most the largest of J_F", () => {
  for (const { task, results } of run.cases) {
    for (const { initial, trained } of results) {
      for (const { percentiles } of [initial.network, ...initial.blocks, ...trained.blocks]) {
        expect(percentiles).toHaveLength(101);
        expect([...percentiles].sort((a, b) => b - a)).toEqual(percentiles);
      }
      if (task.net === "plain") continue;
      const [block, branch] = trained.blocks;
      const bound = branch.percentiles[0] * (1 + 1e-5);
      expect(Math.abs(block.percentiles[0] - 1)).toBeLessThanOrEqual(bound);
      expect(Math.abs(block.percentiles[100] - 1)).toBeLessThanOrEqual(bound);
    }
  }
});

test("two pictures and two tables; without a residual network only what is there", () => {
  checkReport(jacobian, run.cases, run.options);
  expect(run.report.charts.map(({ id }) => id)).toEqual(["blocks", "networks"]);
  expect(run.report.tables.map(({ rows }) => rows.length)).toEqual([8, 8]);
  const plain = jacobian.report(run.cases.slice(0, 2));
  expect(plain.charts.map(({ id }) => id)).toEqual(["networks"]);
  expect(plain.tables.map(({ id }) => id)).toEqual(["network-values"]);
});

test("the sentence: what the shortcut does to a block, and both networks of the greatest depth", () => {
  const spectrum = (value: number, nearOne: number) => ({
    percentiles: Array.from({ length: 101 }, () => value),
    nearOne,
    lost: value < 0.01 ? 1 : 0,
  });
  const phase = (network: number, block: number, branch: number) => ({
    network: spectrum(network, 0),
    blocks: [
      { stage: 1, part: "block" as const, ...spectrum(1, block) },
      { stage: 1, part: "branch" as const, ...spectrum(1, branch) },
    ],
  });
  const [, plain, , residual] = run.cases;
  const made = (one: typeof plain, initial: ReturnType<typeof phase>, trained: ReturnType<typeof phase>) => ({
    ...one,
    seeds: [1],
    results: [{ ...one.results[0], initial, trained }],
  });
  const cases = [
    made(plain, { ...phase(0.001, 0, 0), blocks: [] }, { ...phase(0.01, 0, 0), blocks: [] }),
    made(residual, phase(1, 0.9, 0.2), phase(0.5, 0.8, 0.3)),
  ];
  expect(jacobian.report(cases).found).toBe(
    "In the blocks of residual-14 the identity moves the singular values towards 1.",
  );
});

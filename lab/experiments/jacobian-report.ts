/**
 * What `jacobian` shows: singular values in order of size, for one block with and without its shortcut, and for all
 * blocks together, before and after training.
 *
 * He et al. 2016, eq. 5; Saxe et al. 2013, §3. Next: ./jacobian.ts, which measures them.
 */

import type { Case, Report } from "../experiment.ts";
import type { LineChart, Panel } from "../report/chart.ts";
import { curveOf, mean } from "../report/statistics.ts";
import { cellOf, type Table } from "../report/table.ts";
import type { BlockSpectrum, Result, Spectrum, Task } from "./jacobian.ts";

type Cases = readonly Case<Task, Result>[];

const NETS = ["plain", "residual"] as const;
const PHASES = ["initial", "trained"] as const;

type Phase = (typeof PHASES)[number];

const WHEN: Readonly<Record<Phase, string>> = { initial: "before training", trained: "trained" };

export function jacobianReport(cases: Cases): Report {
  return {
    found: findings(cases),
    paper:
      "Deep linear networks learn as fast as shallow ones if all singular values of their Jacobian are close to 1 at the start (Saxe et al. 2013, §3), and so do deep networks of tanh, but not of ReLU, for which no choice of plain weights achieves this (Pennington et al. 2017). An identity shortcut makes a block's Jacobian I + J_F (He et al. 2016, eq. 5): directions that the branch would lose keep a singular value near 1.",
    charts: [...blockChart(cases), networkChart(cases)],
    tables: [networkTable(cases), ...blockTable(cases)],
  };
}

const RANK = { label: "singular values, from the largest to the smallest", unit: "%" } as const;

function curve({ percentiles }: Spectrum): { x: number; y: number }[] {
  return percentiles.map((y, x) => ({ x, y }));
}

const ONE = [{ y: 1, label: "isometry" }];

/** The start of the axis: values below are next to nothing, and often only rounding. */
const LOWEST = 1e-4;

function highest(spectra: readonly Spectrum[]): number {
  const values = spectra.map(({ percentiles }) => percentiles[0]).filter(Number.isFinite);
  return 2 * Math.max(1, ...values);
}

/** The deepest residual network, if there is one: its blocks are shown. */
function deepestResidual(cases: Cases): Cases[number] | undefined {
  const residual = cases.filter(({ task }) => task.net === "residual");
  return [...residual].sort((a, b) => b.task.depth - a.task.depth)[0];
}

function blockSpectraOf({ results }: Cases[number], phase: Phase, stage: number, part: string): BlockSpectrum[] {
  return results.flatMap((result) => result[phase].blocks.filter((row) => row.stage === stage && row.part === part));
}

function blockChart(cases: Cases): LineChart[] {
  const deepest = deepestResidual(cases);
  if (!deepest) return [];
  const { label, task, results } = deepest;
  const all = results.flatMap((result) => PHASES.flatMap((phase) => result[phase].blocks));
  const line = (phase: Phase, stage: number, part: string): Panel["series"][number]["points"] =>
    curveOf(blockSpectraOf(deepest, phase, stage, part).map(curve), { log: true });
  return [
    {
      kind: "lines",
      id: "blocks",
      title: "One block, with and without its shortcut",
      caption: `Singular values of the last block of each stage of ${label}, in order of size. The branch alone (J_F) loses every direction where its line is far below 1; the shortcut (I + J_F) lifts the line towards 1. Geometric mean over the seeds, band one standard deviation; values below ${LOWEST} are cut off.`,
      x: RANK,
      y: { label: "singular value", log: true, domain: [LOWEST, highest(all)] },
      rules: ONE,
      panels: PHASES.flatMap((phase) =>
        task.stages.map((stage) => ({
          title: `stage ${stage}, ${WHEN[phase]}`,
          series: [
            { name: "with the shortcut, I + J_F", tone: "residual", points: line(phase, stage, "block") },
            { name: "the branch alone, J_F", tone: "green", points: line(phase, stage, "branch") },
          ] as const,
        })),
      ),
    },
  ];
}

function networkChart(cases: Cases): LineChart {
  const all = cases.flatMap(({ results }) =>
    results.flatMap(({ initial, trained }) => [initial.network, trained.network]),
  );
  return {
    kind: "lines",
    id: "networks",
    title: "All blocks together",
    caption: `Singular values from the first block's input to the last block's output, in order of size. A level line at 1 would carry every gradient unchanged; a steep line lets a few directions through and loses the others. Two halvings of the image on the way discard most of it, so part of the fall is not due to depth. Geometric mean over the seeds, band one standard deviation; values below ${LOWEST} are cut off.`,
    x: RANK,
    y: { label: "singular value", log: true, domain: [LOWEST, highest(all)] },
    rules: ONE,
    panels: PHASES.flatMap((phase) =>
      NETS.map((net) => ({
        title: `${net}, ${WHEN[phase]}`,
        series: cases
          .filter(({ task }) => task.net === net)
          .map(({ task, results }) => ({
            name: `${task.depth} layers`,
            points: curveOf(
              results.map((result) => curve(result[phase].network)),
              { log: true },
            ),
          })),
      })),
    ),
  };
}

function median({ percentiles }: Spectrum): number {
  return percentiles[50];
}

function networkTable(cases: Cases): Table {
  return {
    id: "network-values",
    title: "All blocks together",
    caption:
      "Singular values from the first block's input to the last block's output: the largest (geometric mean over the seeds ×÷ one standard deviation), the median, how many lie between ½ and 2 (isometry would be all), and how many below 1/100, where a gradient is as good as lost (mean ± one standard deviation). 0 includes whatever single precision cannot tell from 0.",
    columns: [
      { label: "network" },
      { label: "when" },
      { label: "largest" },
      { label: "median" },
      { label: "between ½ and 2, %", digits: 1 },
      { label: "below 1/100, %", digits: 1 },
      { label: "test error, %", digits: 1 },
    ],
    rows: cases.flatMap(({ label, results }) =>
      PHASES.map((phase) => {
        const spectra = results.map((result) => result[phase].network);
        return [
          label,
          WHEN[phase],
          cellOf(
            spectra.map(({ percentiles }) => percentiles[0]),
            { log: true },
          ),
          cellOf(spectra.map(median)),
          cellOf(spectra.map(({ nearOne }) => 100 * nearOne)),
          cellOf(spectra.map(({ lost }) => 100 * lost)),
          phase === "trained" ? cellOf(results.map(({ testError }) => 100 * testError)) : null,
        ];
      }),
    ),
  };
}

function blockTable(cases: Cases): Table[] {
  const residual = cases.filter(({ task }) => task.net === "residual");
  if (residual.length === 0) return [];
  const near = (spectra: readonly Spectrum[]): ReturnType<typeof cellOf> =>
    cellOf(spectra.map(({ nearOne }) => 100 * nearOne));
  return [
    {
      id: "block-values",
      title: "One block, with and without its shortcut",
      caption:
        "For the last block of each stage: the median singular value, and how many lie between ½ and 2. Mean ± one standard deviation over the seeds.",
      columns: [
        { label: "network" },
        { label: "stage", digits: 0 },
        { label: "when" },
        { label: "median, I + J_F" },
        { label: "median, J_F" },
        { label: "between ½ and 2, %, I + J_F", digits: 1 },
        { label: "between ½ and 2, %, J_F", digits: 1 },
      ],
      rows: residual.flatMap((one) =>
        one.task.stages.flatMap((stage) =>
          PHASES.map((phase) => {
            const [block, branch] = ["block", "branch"].map((part) => blockSpectraOf(one, phase, stage, part));
            return [
              one.label,
              stage,
              WHEN[phase],
              cellOf(block.map(median)),
              cellOf(branch.map(median)),
              near(block),
              near(branch),
            ];
          }),
        ),
      ),
    },
  ];
}

function findings(cases: Cases): string {
  const residual = deepestResidual(cases);
  if (!residual) return "There is no residual network whose blocks could be shown.";
  const nearOne = (phase: Phase, part: string): number =>
    mean(residual.task.stages.flatMap((stage) => blockSpectraOf(residual, phase, stage, part)).map((s) => s.nearOne));
  const helped = PHASES.every((phase) => nearOne(phase, "block") > nearOne(phase, "branch"));
  return `In the blocks of ${residual.label} the identity ${helped ? "moves the singular values towards 1" : "does not bring more of the singular values near 1"}.`;
}

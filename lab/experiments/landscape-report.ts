/**
 * What `landscape` shows: the loss around the trained weights as a surface, as contours and along a line, and numbers
 * for its shape.
 *
 * Li et al. 2018, Figs. 1 and 5. Next: ./landscape.ts, which measures it.
 */

import type { Case, Report } from "../experiment.ts";
import type { Grid, GridChart, LineChart } from "../report/chart.ts";
import { curveOf, geometricMean, mean } from "../report/statistics.ts";
import { cellOf, type Table } from "../report/table.ts";
import type { Training } from "../training/train.ts";
import { nameOf, type Options, type Place, type Result, type Task } from "./landscape.ts";
import { seedNote } from "./variants.ts";

type Cases = readonly Case<Task, Result>[];

export function landscapeReport(cases: Cases, { lossImages: images }: Options): Report {
  const nets = planesOf(cases);
  return {
    found: findings(nets),
    paper:
      "On CIFAR-10 the surface around ResNet-56 and ResNet-110 without shortcuts is chaotic, with ridges and no convexity in sight, and that of ResNet-20 without them is still fairly tame; with shortcuts the surface stays smooth and nearly convex at every depth (Li et al. 2018, Figs. 1 and 5).",
    charts: [surfaceChart(nets, images), contourChart(nets, images), lineChart(nets, images)],
    tables: [table(nets, images)],
  };
}

/** One seed of a network, put together from all finished tasks. */
interface Run {
  readonly training: Training;
  readonly classes: number;
  readonly plane: readonly Place[];
  readonly line: readonly Place[];
}

interface Landscape {
  readonly name: string;
  readonly task: Task;
  /** The pictures show the first one. */
  readonly runs: readonly Run[];
}

function planesOf(cases: Cases): Landscape[] {
  const names = [...new Set(cases.map(({ task }) => nameOf(task)))];
  return names.map((name) => {
    const parts = cases.filter(({ task }) => nameOf(task) === name);
    const seeds = [...new Set(parts.flatMap(({ seeds }) => seeds))].sort((a, b) => a - b);
    const runs = seeds.map((seed): Run => {
      const results = parts.flatMap(({ seeds, results }) => results.filter((_, i) => seeds[i] === seed));
      const { classes } = results[0];
      const plane = results.flatMap(({ plane }) => plane);
      return { training: results[0], classes, plane, line: results.flatMap(({ line }) => line) };
    });
    return { name, task: parts[0].task, runs };
  });
}

function gridOf({ name, runs: [{ plane }] }: Landscape): Grid {
  const axis = (values: number[]): number[] => [...new Set(values)].sort((a, b) => a - b);
  const xs = axis(plane.map(({ alpha }) => alpha));
  const ys = axis(plane.map(({ beta }) => beta));
  const losses = new Map(plane.map(({ alpha, beta, loss }) => [`${alpha} ${beta}`, loss]));
  return { title: name, xs, ys, values: ys.map((y) => xs.map((x) => losses.get(`${x} ${y}`) ?? Number.NaN)) };
}

/** The loss of guessing: all classes alike. */
function guessing(nets: readonly Landscape[]): number {
  return Math.log(nets[0].runs[0].classes);
}

const DIRECTIONS = { x: { label: "α, along δ" }, y: { label: "β, along η" } } as const;

/** Colours from the lowest loss to a hundred times that of guessing; higher losses look the same. */
function lossAxis(nets: readonly Landscape[], images: number): GridChart["value"] {
  const losses = nets.flatMap(({ runs }) => runs[0].plane.map(({ loss }) => loss));
  const proper = losses.filter((loss) => loss > 0 && Number.isFinite(loss));
  if (proper.length === 0) return { label: "loss", unit: "nats", log: true };
  const [low, high] = [Math.min(...proper), Math.min(100 * guessing(nets), Math.max(...proper))];
  const label = `loss of ${images} training images`;
  return low < high ? { label, unit: "nats", log: true, domain: [low, high] } : { label, unit: "nats", log: true };
}

function surfaceChart(nets: readonly Landscape[], images: number): GridChart {
  return {
    kind: "surface",
    id: "surface",
    title: "The loss as a surface",
    caption:
      "The trained weights are in the middle of the ground plane; the height is the loss, on a logarithmic scale that all panels share. Smooth walls around one hollow are easy to descend from far away; ridges and side valleys are not.",
    ...DIRECTIONS,
    value: lossAxis(nets, images),
    panels: nets.map(gridOf),
  };
}

function contourChart(nets: readonly Landscape[], images: number): GridChart {
  return {
    kind: "contour",
    id: "contour",
    title: "The same from above",
    caption:
      "Lines of equal loss around the trained weights at (0, 0). Round lines one inside the other mean a surface that is close to convex; look at how dense they are, and for islands.",
    ...DIRECTIONS,
    value: lossAxis(nets, images),
    panels: nets.map(gridOf),
  };
}

function lineChart(nets: readonly Landscape[], images: number): LineChart {
  const depths = [...new Set(nets.map(({ task }) => task.depth))];
  return {
    kind: "lines",
    id: "line",
    title: "Along one direction",
    caption: `The loss of ${images} training images along δ. The lowest point is the trained network; the dotted line is the loss of guessing. A wide hollow is forgiving; a narrow one, or several, are not. Geometric mean over the seeds, each with its own direction.`,
    x: { label: "α, along δ" },
    y: { label: "loss", unit: "nats", log: true },
    rules: [{ y: guessing(nets), label: "guessing" }],
    panels: depths.map((depth) => ({
      title: `${depth} layers`,
      series: nets
        .filter(({ task }) => task.depth === depth)
        .map(({ task, runs }) => ({
          name: task.net,
          tone: task.net,
          points: curveOf(
            runs.map(({ line }) => line.map(({ alpha, loss }) => ({ x: alpha, y: loss }))),
            { log: true },
          ),
        })),
    })),
  };
}

/** How much of the plane is better than guessing, 0 … 1. */
function basin({ plane, classes }: Run): number {
  return plane.filter(({ loss }) => loss < Math.log(classes)).length / plane.length;
}

/** The fraction of the line that curves downwards: 0 for a convex one. Null if the line is not there yet. */
function concavity({ line }: Run): number | null {
  if (line.length < 3) return null;
  const inner = line.slice(1, -1);
  const bent = inner.filter(({ loss }, i) => !(line[i].loss + line[i + 2].loss - 2 * loss >= 0));
  return bent.length / inner.length;
}

/** Hollows on the line: places lower than both neighbours. */
function hollows({ line }: Run): number {
  return line.filter(
    ({ loss }, i) => i > 0 && i < line.length - 1 && loss < line[i - 1].loss && loss < line[i + 1].loss,
  ).length;
}

/** How much the loss has grown at the two ends of the line, from its lowest point. */
function rise({ line }: Run): number | null {
  if (line.length === 0) return null;
  const lowest = Math.min(...line.map(({ loss }) => loss).filter(Number.isFinite));
  return geometricMean([line[0].loss, line[line.length - 1].loss]) / lowest;
}

function table(nets: readonly Landscape[], images: number): Table {
  return {
    id: "shapes",
    title: "Shapes",
    caption: `Training loss and test error at the end of training; the part of the plane where the loss of ${images} training images is below that of guessing; and for the line: the part that curves downwards (0 for a convex line), the number of hollows, and the loss at the ends as a multiple of the lowest loss. Mean ± one standard deviation over the seeds.`,
    columns: [
      { label: "network" },
      { label: "training loss", digits: 3 },
      { label: "test error, %", digits: 1 },
      { label: "better than guessing, % of the plane", digits: 1 },
      { label: "concave, % of the line", digits: 1 },
      { label: "hollows", digits: 1 },
      { label: "ends / lowest" },
    ],
    rows: nets.map(({ name, runs }) => [
      name,
      cellOf(runs.map(({ training }) => training.trainLoss)),
      cellOf(runs.map(({ training }) => 100 * training.testError)),
      cellOf(runs.map((run) => 100 * basin(run))),
      cellOf(runs.flatMap((run) => concavity(run) ?? []).map((v) => 100 * v)),
      cellOf(runs.filter(({ line }) => line.length > 0).map(hollows)),
      cellOf(
        runs.flatMap((run) => rise(run) ?? []),
        { log: true },
      ),
    ]),
  };
}

function findings(nets: readonly Landscape[]): string {
  const verdicts = [...new Set(nets.map(({ task }) => task.depth))].flatMap((depth) => {
    const [plain, residual] = (["plain", "residual"] as const).map((net) =>
      nets.find(({ task }) => task.net === net && task.depth === depth),
    );
    if (!plain || !residual) return [];
    const [without, withThem] = [plain, residual].map(({ runs }) => mean(runs.map(basin)));
    const verdict = without < withThem ? "a wider" : without > withThem ? "a narrower" : "no wider a";
    const late = mean(plain.runs.map(({ training }) => training.trainLoss)) > guessing(nets) / 2;
    const caveat = late ? " (the plain network has hardly learned, so there is not much of a hollow to compare)" : "";
    return [
      `${verdict} hollow with ${depth} layers${caveat}${seedNote([{ results: plain.runs }, { results: residual.runs }])}`,
    ];
  });
  return verdicts.length > 0 ? `Shortcuts make ${verdicts.join("; ")}.` : "There are no twins to compare.";
}

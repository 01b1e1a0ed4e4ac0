/**
 * What `lesion` shows: the test error by the deleted part, by how many are deleted, and by the order of the blocks.
 *
 * Veit, Wilber & Belongie 2016, Figs. 3 to 5. Next: ./lesion.ts, which measures it.
 */

import type { Case, Report } from "../experiment.ts";
import type { LineChart, Point, Tone } from "../report/chart.ts";
import { listed } from "../report/format.ts";
import { mean, pointOf } from "../report/statistics.ts";
import { cellOf, type Table } from "../report/table.ts";
import type { Net, Options, Result, Task } from "./lesion.ts";

type Cases = readonly Case<Task, Result>[];

const TONES: Readonly<Record<Net, Tone>> = { residual: "residual", plain: "plain", "VGG-style": "orange" };

const WHAT: Readonly<Record<Net, string>> = { residual: "block", plain: "block", "VGG-style": "layer" };

export function lesionReport(cases: Cases, { lesionImages: images }: Options): Report {
  return {
    found: findings(cases),
    paper:
      "Deleting any one block of a residual network of 110 layers barely moves its test error, blocks that change the resolution a little more; deleting any one layer of a VGG network of 15 layers leaves it at about 90 %, which is chance. Deleting more and more blocks, or swapping them, raises a residual network's error smoothly (Veit et al. 2016, Figs. 3 to 5).",
    charts: [oneChart(cases, images), manyChart(cases, images), orderChart(cases, images)].filter(
      ({ panels }) => panels[0].series.length > 0,
    ),
    tables: [table(cases, images)],
  };
}

/** The errors after deleting one part that keeps the shape. */
function single({ lesions }: Result): number[] {
  return lesions.flatMap(({ error, changesShape }) => (error === null || changesShape ? [] : [error]));
}

/** After deleting one of the blocks that change the shape. */
function atShapeChanges({ lesions }: Result): number[] {
  return lesions.flatMap(({ error, changesShape }) => (error !== null && changesShape ? [error] : []));
}

/** Values of all seeds by x. */
function grouped(results: readonly Result[], rows: (result: Result) => readonly { x: number; y: number }[]): Point[] {
  const all = results.flatMap(rows);
  const xs = [...new Set(all.map(({ x }) => x))].sort((a, b) => a - b);
  return xs.map((x) =>
    pointOf(
      x,
      all.filter((row) => row.x === x).map(({ y }) => 100 * y),
    ),
  );
}

function chance(cases: Cases): number {
  return 1 - 1 / cases[0].results[0].classes;
}

const ERROR = { label: "test error", unit: "%", domain: [0, 100] } as const;

function chanceRule(cases: Cases): { y: number; label: string } {
  return { y: 100 * chance(cases), label: "chance" };
}

function oneChart(cases: Cases, images: number): LineChart {
  return {
    kind: "lines",
    id: "one-part",
    title: "One part deleted",
    caption: `Test error after deleting a single block (residual and plain networks: two convolutions) or a single layer (VGG-style), by where it was. A level line near the bottom means that no single part is needed; the dotted line is guessing. Parts that change the shape cannot be deleted from networks without shortcuts and are left out there; in the residual network they are at a third and two thirds of the way. Over ${images} test images; mean over the seeds, band one standard deviation.`,
    x: { label: "deleted part, from the image to the loss", unit: "% of the way", domain: [-2, 102] },
    y: ERROR,
    marks: "both",
    rules: [chanceRule(cases)],
    panels: [
      {
        title: "one part deleted",
        series: cases.map(({ task, label, results }) => ({
          name: `${label}, one ${WHAT[task.net]}`,
          tone: TONES[task.net],
          points: grouped(results, (result) =>
            result.lesions.flatMap(({ place, error }) => (error === null ? [] : [{ x: 100 * place, y: error }])),
          ),
        })),
      },
    ],
  };
}

function manyChart(cases: Cases, images: number): LineChart {
  const shown = cases.filter(({ results }) => results.some(({ many }) => many.length > 0));
  const removed = shown.flatMap(({ results }) => results.flatMap(({ many }) => many.map((row) => row.removed)));
  return {
    kind: "lines",
    id: "many-blocks",
    title: "Several blocks deleted at once",
    caption: `Test error after deleting random blocks of the residual network. In an ensemble that loses more and more members, the error rises smoothly. Over ${images} test images; mean over random choices and seeds, band one standard deviation.`,
    x: { label: "blocks deleted", whole: true, domain: [-0.3, Math.max(...removed, 1) + 0.3] },
    y: ERROR,
    marks: "both",
    rules: [chanceRule(cases)],
    panels: [
      {
        title: "several blocks deleted",
        series: shown.map(({ task, label, results }) => ({
          name: label,
          tone: TONES[task.net],
          points: grouped(results, ({ intact, many }) => [
            { x: 0, y: intact },
            ...many.map(({ removed, error }) => ({ x: removed, y: error })),
          ]),
        })),
      },
    ],
  };
}

function orderChart(cases: Cases, images: number): LineChart {
  const shown = cases.filter(({ results }) => results.some(({ reordered }) => reordered.length > 0));
  const taus = shown.flatMap(({ results }) =>
    results.flatMap(({ reordered }) => reordered.map((row) => row.kendallTau)),
  );
  return {
    kind: "lines",
    id: "reordered",
    title: "Blocks in another order",
    caption: `Each dot is a network in which random pairs of blocks of one shape were swapped. Kendall's τ compares the new order with the old: 1 is the same. Blocks are swapped within a stage only, so τ stays high. Over ${images} test images, all seeds.`,
    x: { label: "Kendall's τ of the order", domain: [Math.min(...taus, 1) - 0.01, 1.01] },
    y: ERROR,
    marks: "dots",
    rules: [chanceRule(cases)],
    panels: [
      {
        title: "blocks in another order",
        series: shown.map(({ task, label, results }) => ({
          name: label,
          tone: TONES[task.net],
          points: results.flatMap(({ intact, reordered }) => [
            { x: 1, y: 100 * intact },
            ...reordered.map(({ kendallTau, error }) => ({ x: kendallTau, y: 100 * error })),
          ]),
        })),
      },
    ],
  };
}

function table(cases: Cases, images: number): Table {
  const inPercent = (values: readonly number[]): number[] => values.map((v) => 100 * v);
  return {
    id: "errors",
    title: "Errors",
    caption: `Errors in % of ${images} test images: intact; mean and worst over all parts that keep the shape, deleted one at a time; and the mean over the residual blocks that change it. Mean ± one standard deviation over the seeds.`,
    columns: [
      { label: "network" },
      { label: "parameters", digits: 0 },
      { label: "intact", digits: 1 },
      { label: "parts", digits: 0 },
      { label: "one deleted, mean", digits: 1 },
      { label: "the worst", digits: 1 },
      { label: "one that changes the shape", digits: 1 },
    ],
    rows: cases.map(({ label, results }) => [
      label,
      results[0].parameters,
      cellOf(inPercent(results.map(({ intact }) => intact))),
      single(results[0]).length,
      cellOf(inPercent(results.map((result) => mean(single(result))))),
      cellOf(inPercent(results.map((result) => Math.max(...single(result))))),
      cellOf(
        inPercent(
          results.flatMap((result) => (atShapeChanges(result).length > 0 ? [mean(atShapeChanges(result))] : [])),
        ),
      ),
    ]),
  };
}

function findings(cases: Cases): string {
  const verdicts = cases.map(({ task, label, results }) => {
    const intact = mean(results.map((result) => result.intact));
    const after = mean(results.map((result) => mean(single(result))));
    const lost = (after - intact) / (chance(cases) - intact);
    const effect = lost > 0.6 ? "is destroyed by" : lost > 0.15 ? "is hurt by" : "hardly notices";
    return `${label} ${effect} the loss of one ${WHAT[task.net]}`;
  });
  return `${listed(verdicts)}.`;
}

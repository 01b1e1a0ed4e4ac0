/**
 * The loss of each batch, thin, and its running mean, thick; dotted at ln 10, which guessing among ten classes costs. The axis
 * is linear and ends at 2.6: what is higher is an arrow at the edge. Steps grow in doublings.
 */
import type { Palette } from "../../../lab/page/theme.ts";
import { drawLinearAxis, drawRule, drawStepAxis, type Plot } from "./axis.ts";
import { lookOf, type Names, type Size, scratch } from "./look.ts";
import type { Pen } from "./pen.ts";
import { linearPlace, stepsShown } from "./scale.ts";

/** Losses of one network, oldest first: what a `Store` has. */
export interface LossSeries {
  readonly length: number;
  step(i: number): number;
  loss(i: number): number;
  /** Running mean of the losses, factor 0.08 (`runningMean`). */
  mean(i: number): number;
}

/** What was changed at a step. */
export interface Mark {
  readonly step: number;
  readonly kind: "cut" | "rejoin" | "rate";
  /** A few words, such as the new rate. */
  readonly label: string;
}

export interface LossData {
  readonly a: LossSeries | null;
  readonly b: LossSeries | null;
  readonly names: Names;
  readonly marks: readonly Mark[];
  /** The step under the pointer. */
  readonly hover: number | null;
}

/** The highest loss on the axis. */
export const LOSS_TOP = 2.6;
const GUESSING = Math.log(10);
const FACTOR = 0.08;
/** Beyond so many measured steps, each pixel has a mean and a range instead of lines. */
const MOST_LINES = 2000;

/** The next running mean after a loss; the first is the loss itself (`mean` NaN). */
export function runningMean(mean: number, loss: number): number {
  return Number.isNaN(mean) ? loss : mean + FACTOR * (loss - mean);
}

export function lossPlot({ width, height }: Size): Plot {
  return { left: 30, right: width - 4, top: 22, bottom: height - 24 };
}

/** The last step on the axis. */
export function lossEnd({ a, b }: LossData): number {
  const last = (series: LossSeries | null): number => (series?.length ? series.step(series.length - 1) : 0);
  return stepsShown(Math.max(last(a), last(b)));
}

/** The step at x; null outside the plot. */
export function stepAt(data: LossData, size: Size, x: number): number | null {
  const { left, right } = lossPlot(size);
  if (x < left || x > right) return null;
  return Math.round(((x - left) / (right - left)) * lossEnd(data));
}

/** Draws the losses of both. */
export function drawLoss(data: LossData, size: Size, palette: Palette, pen: Pen): void {
  const plot = lossPlot(size);
  const end = lossEnd(data);
  drawLinearAxis(pen, [0, LOSS_TOP], plot, palette);
  drawStepAxis(pen, end, plot, palette);
  const y = linearPlace(GUESSING, 0, LOSS_TOP, plot.bottom, plot.top);
  drawMarks(data.marks, end, plot, palette, pen);
  pen.clip(plot.left, plot.top - 2, plot.right - plot.left, plot.bottom - plot.top + 4, () => {
    for (const side of ["b", "a"] as const) {
      const series = data[side];
      const { color } = lookOf(side, palette);
      if (series) drawBatches(series, end, plot, color, pen);
    }
    drawRule(pen, [plot.left, y, plot.right, y], palette.ink, [1.5, 4], 1.5);
    for (const side of ["b", "a"] as const) {
      const series = data[side];
      const { color, dash } = lookOf(side, palette);
      if (series) drawMean(series, end, plot, color, dash, pen);
    }
  });
  for (const side of ["b", "a"] as const) {
    const series = data[side];
    if (series) drawClipped(series, end, plot, lookOf(side, palette).color, pen);
  }
  pen.text(plot.right, y + 16, "guessing", { color: palette.faint, size: 12, anchor: "end", halo: palette.background });
  if (data.hover !== null) {
    const x = linearPlace(data.hover, 0, end, plot.left, plot.right);
    drawRule(pen, [x, plot.top, x, plot.bottom], palette.ink);
  }
}

const SIGNS = { cut: "✂", rejoin: "↺", rate: "η" } as const;

function drawMarks(marks: readonly Mark[], end: number, plot: Plot, palette: Palette, pen: Pen): void {
  for (const { step, kind, label } of marks) {
    const x = linearPlace(step, 0, end, plot.left, plot.right);
    drawRule(pen, [x, plot.top, x, plot.bottom], palette.faint, [3, 3]);
    const anchor = x > plot.right - 60 ? "end" : "start";
    pen.text(x, plot.top - 7, `${SIGNS[kind]} ${label}`, { color: palette.ink, size: 12, anchor });
  }
}

const place = (loss: number, plot: Plot): number => linearPlace(loss, 0, LOSS_TOP, plot.bottom, plot.top);

function drawBatches(series: LossSeries, end: number, plot: Plot, color: string, pen: Pen): void {
  const count = series.length;
  if (count > MOST_LINES) {
    drawRanges(series, end, plot, color, pen);
    return;
  }
  const points = scratch(2 * MOST_LINES + 2);
  points.fill(Number.NaN, 2 * count);
  for (let i = 0; i < count; i++) {
    points[2 * i] = linearPlace(series.step(i), 0, end, plot.left, plot.right);
    points[2 * i + 1] = place(series.loss(i), plot);
  }
  pen.line(points, { color, width: 1, opacity: 0.35 });
}

/** The range of losses in each column of pixels, as one upright line. */
function drawRanges(series: LossSeries, end: number, plot: Plot, color: string, pen: Pen): void {
  const count = series.length;
  const width = Math.ceil(plot.right - plot.left) + 1;
  const points = scratch(6 * width).fill(Number.NaN);
  for (let i = 0; i < count; ) {
    const column = columnOf(series.step(i), end, plot);
    let [least, most] = [series.loss(i), series.loss(i)];
    for (; i < count && columnOf(series.step(i), end, plot) === column; i++) {
      least = Math.min(least, series.loss(i));
      most = Math.max(most, series.loss(i));
    }
    const x = plot.left + column + 0.5;
    points.set([x, place(least, plot), x, place(most, plot) - 1], 6 * column);
  }
  pen.line(points, { color, width: 1, opacity: 0.35 });
}

function columnOf(step: number, end: number, plot: Plot): number {
  return Math.floor((step / end) * (plot.right - plot.left));
}

function drawMean(
  series: LossSeries,
  end: number,
  plot: Plot,
  color: string,
  dash: readonly number[] | null,
  pen: Pen,
): void {
  const count = series.length;
  // One point for each column of pixels is all that can be seen.
  const most = Math.min(MOST_LINES, Math.ceil(plot.right - plot.left) + 1);
  const points = scratch(2 * most + 2, 1).fill(Number.NaN);
  const every = Math.max(1, Math.ceil(count / most));
  for (let i = 0, at = 0; i < count; i += every, at += 2) {
    points[at] = linearPlace(series.step(i), 0, end, plot.left, plot.right);
    points[at + 1] = place(series.mean(i), plot);
  }
  pen.line(points, dash ? { color, width: 2.4, dash } : { color, width: 2.4 });
}

const arrow = new Float64Array(6);

/** Arrows at the upper edge where a running mean lies above the axis, and where the loss is no number any more. */
function drawClipped(series: LossSeries, end: number, plot: Plot, color: string, pen: Pen): void {
  const count = series.length;
  let last = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    if (series.mean(i) <= LOSS_TOP) continue;
    const x = linearPlace(series.step(i), 0, end, plot.left, plot.right);
    if (x - last < 12) continue;
    last = x;
    arrow.set([x - 4, plot.top + 2, x + 4, plot.top + 2, x, plot.top - 6]);
    pen.area(arrow, color);
  }
}

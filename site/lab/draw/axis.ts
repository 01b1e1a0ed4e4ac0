/** Axes as they are drawn: hair lines across the plot, labels outside. */
import type { Palette } from "../../../lab/page/theme.ts";
import type { Pen } from "./pen.ts";
import { type LogAxis, linearPlace, linearTicks, logTicks, powerOfTen } from "./scale.ts";

/** The rectangle of a plot, CSS pixels. */
export interface Plot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const hair = new Float64Array(4);

/** A straight line of one pixel or another width. */
export function drawRule(
  pen: Pen,
  [x1, y1, x2, y2]: readonly [number, number, number, number],
  color: string,
  dash?: readonly number[],
  width = 1,
): void {
  hair[0] = x1;
  hair[1] = y1;
  hair[2] = x2;
  hair[3] = y2;
  pen.line(hair, dash ? { color, width, dash } : { color, width });
}

/** Lines at the powers of ten, labels at those that have room. */
export function drawLogAxis(pen: Pen, axis: LogAxis, plot: Plot, palette: Palette): void {
  for (const exponent of logTicks(axis, plot.bottom - plot.top)) {
    const y = linearPlace(exponent, axis.bottom, axis.top, plot.bottom, plot.top);
    drawRule(pen, [plot.left, y, plot.right, y], palette.grid);
    pen.text(plot.left - 8, y + 4, powerOfTen(exponent), { color: palette.faint, size: 12, anchor: "end" });
  }
}

/** Lines at round values from `from` to `to`, upward. */
export function drawLinearAxis(
  pen: Pen,
  [from, to]: readonly [number, number],
  plot: Plot,
  palette: Palette,
  count = 3,
): void {
  for (const value of linearTicks(from, to, count)) {
    const y = linearPlace(value, from, to, plot.bottom, plot.top);
    drawRule(pen, [plot.left, y, plot.right, y], palette.grid);
    pen.text(plot.left - 8, y + 4, shortNumber(value), { color: palette.faint, size: 12, anchor: "end" });
  }
}

/** Steps under the plot. */
export function drawStepAxis(pen: Pen, end: number, plot: Plot, palette: Palette, name = "step"): void {
  const ticks = linearTicks(0, end, (plot.right - plot.left) / 80);
  for (const step of ticks) {
    const x = linearPlace(step, 0, end, plot.left, plot.right);
    const anchor = step === 0 ? "start" : x > plot.right - 12 ? "end" : "middle";
    const words = step === 0 ? `${name} 0` : shortNumber(step);
    pen.text(x, plot.bottom + 17, words, { color: palette.faint, size: 12, anchor });
  }
}

/** A number without a tail of binary digits; thousands apart. */
export function shortNumber(value: number): string {
  const rounded = Number(value.toPrecision(6));
  return Math.abs(rounded) >= 10_000 ? rounded.toLocaleString("en-US") : String(rounded);
}

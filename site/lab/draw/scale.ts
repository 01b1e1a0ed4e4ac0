/** Scales: from values to pixels. A log axis holds whole powers of ten and only ever grows. */

/** Exponents of ten at both ends. */
export interface LogAxis {
  readonly bottom: number;
  readonly top: number;
}

/** Gradients of a run begin on it. */
export const GRADIENT_AXIS: LogAxis = { bottom: -10, top: 4 };

/** Update ratios ‖Δw‖/‖w‖ begin on it. */
export const RATIO_AXIS: LogAxis = { bottom: -6, top: 4 };

/**
 * The axis, wide enough for values: it grows by pairs of powers of ten and never shrinks; the same object where nothing
 * changes. Zero, infinite and NaN have places of their own in the picture and move nothing.
 */
export function grown(axis: LogAxis, values: ArrayLike<number>): LogAxis {
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!(value > 0 && value < Number.POSITIVE_INFINITY)) continue;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (most === 0) return axis;
  let { bottom, top } = axis;
  while (Math.log10(least) < bottom) bottom -= 2;
  while (Math.log10(most) > top) top += 2;
  return bottom === axis.bottom && top === axis.top ? axis : { bottom, top };
}

/** Where a positive finite value lies: `low` for 10^bottom, `high` for 10^top, pixels; NaN for what has no logarithm. */
export function logPlace(axis: LogAxis, value: number, low: number, high: number): number {
  if (!(value > 0 && value < Number.POSITIVE_INFINITY)) return Number.NaN;
  return low + ((Math.log10(value) - axis.bottom) / (axis.top - axis.bottom)) * (high - low);
}

/** Where a value of [from, to] lies between pixels `low` and `high`. */
export function linearPlace(value: number, from: number, to: number, low: number, high: number): number {
  return low + ((value - from) / (to - from)) * (high - low);
}

/** An upper end for steps that grows by doublings: 400, 800, 1600 … */
export function stepsShown(step: number, least = 400): number {
  let end = least;
  while (end < step) end *= 2;
  return end;
}

/** Round values of a linear axis, at most about `count`: multiples of 1, 2 or 5 times a power of ten. */
export function linearTicks(from: number, to: number, count: number): number[] {
  const raw = (to - from) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = raw / power;
  const step = (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10) * power;
  const ticks: number[] = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to + 1e-9 * step; i++) ticks.push(i * step + 0);
  return ticks;
}

/** Exponents with labels, so that they are at least `gap` pixels apart: all, every second, every fourth. */
export function logTicks(axis: LogAxis, height: number, gap = 20): number[] {
  const decade = height / (axis.top - axis.bottom);
  let every = 1;
  while (decade * every < gap) every *= 2;
  const ticks: number[] = [];
  for (let e = Math.ceil(axis.bottom / every) * every; e <= axis.top; e += every) ticks.push(e);
  return ticks;
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** 10ⁿ with raised digits; 1 and 10 as they are. */
export function powerOfTen(exponent: number): string {
  if (exponent === 0) return "1";
  if (exponent === 1) return "10";
  const digits = [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[Number(digit)]).join("");
  return `10${exponent < 0 ? "⁻" : ""}${digits}`;
}

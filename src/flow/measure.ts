/** Measures of arrays of numbers, summed in float64. */
import type { Floats } from "../tensor/memory.ts";

export interface Measures {
  /** √Σv². */
  norm: number;
  /** √(Σv²/n). */
  rms: number;
  /** Σ|v|/n. */
  meanAbs: number;
  /** Fraction of exact zeros. */
  zeros: number;
  /** How many are NaN or infinite; the other measures are then NaN or infinite too. */
  nonFinite: number;
}

export function measure(values: Floats): Measures {
  const n = values.length;
  let squares = 0;
  let absolute = 0;
  let zeros = 0;
  let nonFinite = 0;
  for (let i = 0; i < n; i++) {
    const v = values[i];
    squares += v * v;
    absolute += Math.abs(v);
    if (v === 0) zeros++;
    else if (!Number.isFinite(v)) nonFinite++;
  }
  return { norm: Math.sqrt(squares), rms: Math.sqrt(squares / n), meanAbs: absolute / n, zeros: zeros / n, nonFinite };
}

export function norm(values: Floats): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += values[i] * values[i];
  return Math.sqrt(squares);
}

/** `norm` in half the time, rounded differently in the last digits: four sums need not wait for each other. */
export function quickNorm(values: Floats): number {
  const whole = values.length - (values.length % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < whole; i += 4) {
    a += values[i] * values[i];
    b += values[i + 1] * values[i + 1];
    c += values[i + 2] * values[i + 2];
    d += values[i + 3] * values[i + 3];
  }
  for (let i = whole; i < values.length; i++) a += values[i] * values[i];
  return Math.sqrt(a + b + (c + d));
}

/** ‖a − b‖, of differences in the precision of a. */
export function distance(a: Floats, b: Floats): number {
  const round = a instanceof Float32Array ? Math.fround : Number;
  let squares = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = round(a[i] - b[i]);
    squares += difference * difference;
  }
  return Math.sqrt(squares);
}

/** ⟨a, b⟩ / (‖a‖·‖b‖), and 0 where either is zero. */
export function cosine(a: Floats, b: Floats): number {
  let product = 0;
  for (let i = 0; i < a.length; i++) product += a[i] * b[i];
  const norms = norm(a) * norm(b);
  return norms === 0 ? 0 : product / norms;
}

/** How many values are not exactly zero. */
export function countNonZero(values: Floats): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) count++;
  return count;
}

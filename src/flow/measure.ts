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

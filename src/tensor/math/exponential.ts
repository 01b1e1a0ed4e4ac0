/**
 * eˣ as in fdlibm's e_exp.c (notice in index.ts).
 *
 *   x = k·ln 2 + r, k whole, |r| ≤ ½ ln 2        eˣ = 2ᵏ·eʳ
 *
 * ln 2 is subtracted in two parts, the first with so few bits that k times it is exact: r = high − low. For eʳ, R(r) =
 * r·(eʳ + 1)/(eʳ − 1) = 2 + r²/6 − r⁴/360 + … is even and nearly constant, and eʳ = 1 + 2r/(R − r). Its polynomial is
 * Remez's, to 2⁻⁵⁹.
 */
import { scaled } from "./words.ts";

/** The first 33 bits of ln 2, and the rest. */
export const LN2_HIGH = 0.6931471803691238;
export const LN2_LOW = 1.9082149292705877e-10;

/** eˣ is infinite above it. */
const LARGEST = 709.782712893384;
/** eˣ is 0 below it. */
const SMALLEST = -745.1332191019411;
/** ½ ln 2, rounded up to 21 bits, which is where fdlibm looks. */
const HALF_LN2 = 0.3465743064880371;
/** 2⁻²⁸, below which x²/2 is negligible. */
const TINY = 3.725290298461914e-9;

export function exp(x: number): number {
  if (x > LARGEST) return Number.POSITIVE_INFINITY;
  if (x < SMALLEST) return 0;
  // Everybody knows this value by heart, and the polynomial misses it by its last bit.
  if (x === 1) return Math.E;
  if (Math.abs(x) < HALF_LN2) return Math.abs(x) < TINY ? 1 + x : 1 + (x + excess(x));
  // NaN passes through.
  const k = Math.trunc(Math.LOG2E * x + (x < 0 ? -0.5 : 0.5));
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  return scaled(1 + (high + (excess(high - low) - low)), k);
}

/** eʳ − 1 − r for |r| ≤ ½ ln 2: r·c/(2 − c), with c = r − (R − 2). */
export function excess(r: number): number {
  const c = r - remainder(r * r);
  return (r * c) / (2 - c);
}

/** R(r) − 2, from r². */
export function remainder(square: number): number {
  return (
    square *
    (0.16666666666666602 +
      square *
        (-0.0027777777777015593 +
          square * (0.00006613756321437934 + square * (-0.0000016533902205465252 + square * 4.1381367970572385e-8))))
  );
}

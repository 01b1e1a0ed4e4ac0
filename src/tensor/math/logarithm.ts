/**
 * ln x and ln(1 + x) as in fdlibm's e_log.c and s_log1p.c (notice in index.ts).
 *
 *   x = 2ᵏ·(1 + f), √½ ≤ 1 + f < √2        ln x = k·ln 2 + ln(1 + f)
 *
 * With s = f/(2 + f), ln(1 + f) = 2 artanh s = 2s + s·R, R = ⅔s² + ⅖s⁴ + …, whose polynomial is Remez's, to 2⁻⁵⁸. As
 * 2s = f − s·f = f − f²/2 + s·f²/2, both f − s·(f − R) and f − (f²/2 − s·(f²/2 + R)) are f plus something small. The
 * second is more precise where f is largest.
 */
import { LN2_HIGH, LN2_LOW } from "./exponential.ts";
import { highWord, powerOfTwo, SMALLEST_NORMAL } from "./words.ts";

const FRACTION = 0xfffff;
/** Added to the first 20 bits of a fraction, it carries from √2 on. */
const FROM_ROOT_OF_TWO = 0x95f64;

export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  // A subnormal number stores its bits differently: 2⁵⁴ times it is a normal one.
  return x < SMALLEST_NORMAL ? logarithm(x * 0x40000000000000, -54, 0) : logarithm(x, 0, 0);
}

/** ln(1 + x), precise even where 1 + x drops most of x. */
export function log1p(x: number): number {
  // Below 2⁻⁵⁴ the next term is negligible; −0 stays −0.
  if (Math.abs(x) < 5.551115123125783e-17 || x === Number.POSITIVE_INFINITY) return x;
  const sum = 1 + x;
  if (!(sum > 0)) return log(sum);
  const lost = x > 1 ? 1 - (sum - x) : x - (sum - 1);
  return logarithm(sum, 0, lost / sum);
}

/** ln(2^shift·x) + low, for a normal x and a tiny low. */
function logarithm(x: number, shift: number, low: number): number {
  const word = highWord(x);
  const fraction = word & FRACTION;
  const exponent = (word >>> 20) - 1023 + ((fraction + FROM_ROOT_OF_TWO) >>> 20);
  const f = x * powerOfTwo(-exponent) - 1;
  const k = exponent + shift;
  low += k * LN2_LOW;
  // |f| < 2⁻²⁰: two terms of the series are enough.
  if (((fraction + 2) & FRACTION) < 3) return k * LN2_HIGH - (f * f * (0.5 - 0.3333333333333333 * f) - low - f);
  const s = f / (2 + f);
  const square = s * s;
  const fourth = square * square;
  const odd =
    0.6666666666666735 + fourth * (0.2857142874366239 + fourth * (0.1818357216161805 + fourth * 0.14798198605116586));
  const even = 0.3999999999940942 + fourth * (0.22222198432149784 + fourth * 0.15313837699209373);
  const R = fourth * even + square * odd;
  // 1 + f from 1.38 to √2, and from √½ to 0.71
  if (fraction >= 0x6147a && fraction <= 0x6b851) {
    const half = 0.5 * f * f;
    return k * LN2_HIGH - (half - (s * (half + R) + low) - f);
  }
  return k * LN2_HIGH - (s * (f - R) - low - f);
}

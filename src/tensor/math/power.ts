/**
 * xʸ as in fdlibm's e_pow.c (notice in index.ts), with JavaScript's x ** y in the special cases.
 *
 *   x = 2ⁿ·m        log₂ x = n + log₂ m        xʸ = 2^(y·log₂ x)
 *
 * y·log₂ x is as large as 1074, so an error in its last bit would be an error in the result's last ten. So log₂ x is
 * computed to some 70 bits, as a number of 24 bits (`Math.fround` cuts them off) and the rest; 24 bits times 24 bits is
 * exact.
 */
import { remainder } from "./exponential.ts";
import { highWord, powerOfTwo, SMALLEST_NORMAL, scaled } from "./words.ts";

// 2/(3 ln 2), its head and tail.
const SCALE = 0.9617966939259756;
const SCALE_HEAD = 0.9617967009544373;
const SCALE_TAIL = -7.028461650952758e-9;
// log₂ 1.5, head and tail.
const LOG_HEAD = 0.5849624872207642;
const LOG_TAIL = 1.350039202129749e-8;
// ln 2, head and tail.
const LN2_HEAD = 0.6931471824645996;
const LN2_TAIL = -1.904654299957768e-9;
/** log₂(2¹⁰²⁴) − log₂ of the largest number, rounded up by half a unit in the last place. */
const TO_INFINITY = 8.008566259537294e-17;

/** x to the power of y. */
export function pow(x: number, y: number): number {
  if (y === 0) return 1;
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
  const size = Math.abs(x);
  // y alone decides; (±1)^±∞ has no value in JavaScript.
  if (Math.abs(y) === Number.POSITIVE_INFINITY) {
    if (size === 1) return Number.NaN;
    return size > 1 === y > 0 ? Number.POSITIVE_INFINITY : 0;
  }
  const odd = Math.abs(y % 2) === 1;
  const sign = odd && (x < 0 || Object.is(x, -0)) ? -1 : 1;
  if (size === 0 || size === Number.POSITIVE_INFINITY) {
    return (size === 0) === y > 0 ? sign * 0 : sign * Number.POSITIVE_INFINITY;
  }
  if (x < 0 && !Number.isInteger(y)) return Number.NaN;
  // One operation rounds its own result best.
  if (y === 1) return x;
  if (y === 2) return x * x;
  if (y === 0.5) return Math.sqrt(x);
  if (y === -1) return 1 / x;
  if (size === 1) return sign;
  return sign * positivePower(size, y);
}

/** For positive, finite x other than 1, and finite y other than 0. */
function positivePower(x: number, y: number): number {
  // Even 1's neighbours overflow or underflow: |log₂ x| > 2⁻⁵³.
  if (Math.abs(y) > 0x1_0000_0000_0000_0000) return x > 1 === y > 0 ? Number.POSITIVE_INFINITY : 0;
  let n = 0;
  if (x < SMALLEST_NORMAL) {
    x *= 0x40000000000000;
    n = -54;
  }
  // m = b·(1 + s)/(1 − s) with b = 1 or 1.5, so that |s| ≤ 0.101.
  const word = highWord(x);
  const fraction = word & 0xfffff;
  const middle = fraction > 0x3988e && fraction < 0xbb67a;
  const exponent = (word >>> 20) - 1023 + (fraction >= 0xbb67a ? 1 : 0);
  n += exponent;
  const m = x * powerOfTwo(-exponent);
  const b = middle ? 1.5 : 1;
  const difference = m - b;
  const inverse = 1 / (m + b);
  const s = difference * inverse;
  const sHead = Math.fround(s);
  const sumHead = Math.fround(m + b);
  const sTail = inverse * (difference - sHead * sumHead - sHead * (m - (sumHead - b)));
  // ln(m/b) = 2s + ⅔s³ + ⅖s⁵ + … = ⅔s·(3 + s² + rest)
  const z = s * s;
  const rest =
    z *
      z *
      (0.5999999999999946 +
        z *
          (0.4285714285785502 +
            z *
              (0.33333332981837743 + z * (0.272728123808534 + z * (0.23066074577556175 + z * 0.20697501780033842))))) +
    sTail * (sHead + s);
  const zHead = sHead * sHead;
  const factorHead = Math.fround(3 + zHead + rest);
  const factorTail = rest - (factorHead - 3 - zHead);
  // s·factor = product + the part rounded off
  const exact = sHead * factorHead;
  const more = sTail * factorHead + factorTail * s;
  const product = Math.fround(exact + more);
  const productTail = more - (product - exact);
  // log₂ x = ⅔/ln 2·product + log₂ b + n
  const large = SCALE_HEAD * product;
  const small = SCALE_TAIL * product + productTail * SCALE + (middle ? LOG_TAIL : 0);
  const logB = middle ? LOG_HEAD : 0;
  const logHead = Math.fround(large + small + logB + n);
  const logTail = small - (logHead - n - logB - large);
  // y·log₂ x
  const yHead = Math.fround(y);
  const whole = yHead * logHead;
  const part = (y - yHead) * logHead + y * logTail;
  const power = whole + part;
  if (power >= 1024 && (power > 1024 || part + TO_INFINITY > power - whole)) return Number.POSITIVE_INFINITY;
  if (power <= -1075 && (power < -1075 || part <= power - whole)) return 0;
  // 2^power = 2ᵏ·eʳ, r = (power − k)·ln 2 in two parts
  const k = Math.floor(power + 0.5);
  const left = whole - k;
  const leftHead = Math.fround(part + left);
  const rHead = leftHead * LN2_HEAD;
  const rTail = (part - (leftHead - left)) * Math.LN2 + leftHead * LN2_TAIL;
  const r = rHead + rTail;
  const lost = rTail - (r - rHead);
  // eʳ as in exponential.ts, and eʳ·lost ≈ lost·(1 + r)
  const c = r - remainder(r * r);
  return scaled(1 - ((r * c) / (c - 2) - (lost + r * lost) - r), k);
}

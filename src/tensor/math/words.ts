/** How a number is stored: its exponent, and powers of two made from exponents, without rounding. */

/** A double, and the same eight bytes as two whole numbers. */
const double = /* @__PURE__ */ new Float64Array(1);
const words = /* @__PURE__ */ wordsOf(double);
/** Which of them has the sign: −0 has no other bit. */
const HIGH = /* @__PURE__ */ highest();

function wordsOf({ buffer }: Float64Array): Uint32Array {
  return new Uint32Array(buffer);
}

function highest(): number {
  double[0] = -0;
  return words[0] === 0 ? 1 : 0;
}

/** Sign, 11 bits of exponent and the first 20 of the fraction. */
export function highWord(x: number): number {
  double[0] = x;
  return words[HIGH];
}

/** The smallest number with all its 53 bits. */
export const SMALLEST_NORMAL = 2.2250738585072014e-308;

const SMALLEST_EXPONENT = -1024;
const POWERS = /* @__PURE__ */ makePowers();

/** By doubling and halving, which is exact. A table: two multiplications to build a power would double the cost. */
function makePowers(): Float64Array {
  const powers = new Float64Array(2048);
  for (let k = 0, p = 1; k < 1024; k++, p *= 2) powers[k - SMALLEST_EXPONENT] = p;
  for (let k = 0, p = 1; k >= SMALLEST_EXPONENT; k--, p /= 2) powers[k - SMALLEST_EXPONENT] = p;
  return powers;
}

/** 2ᵏ, −1024 ≤ k ≤ 1023. */
export function powerOfTwo(k: number): number {
  return POWERS[k - SMALLEST_EXPONENT];
}

/** y·2ᵏ for y from ½ to 2, rounded once, even where it is subnormal or 2ᵏ alone would be infinite. */
export function scaled(y: number, k: number): number {
  if (k > 1023) return 2 * y * powerOfTwo(k - 1);
  if (k < -1022) return y * powerOfTwo(-1000) * powerOfTwo(k + 1000);
  return y * powerOfTwo(k);
}

/**
 * Floating-point formats of 16 and 8 bits, converted to and from float32 by their bits: sign, exponent E, mantissa m.
 *
 *     value = (−1)^sign · 2^(E − bias) · 1.m      E > 0      bias = 2^(exponent bits − 1) − 1
 *     value = (−1)^sign · 2^(1 − bias) · 0.m      E = 0      (subnormal)
 *     infinity (m = 0) or NaN                     E all ones
 *
 * IEEE 754 half precision; bfloat16, the upper half of a float32; and the two 8-bit formats of "FP8 Formats for Deep
 * Learning" (Micikevicius et al. 2022). E4M3 has no infinity: E all ones are numbers too, and only m all ones is NaN.
 * Rounding is to the nearest, ties to even, as in PyTorch.
 */

export interface SmallFloat {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly infinity: boolean;
}

export const half: SmallFloat = { exponentBits: 5, mantissaBits: 10, infinity: true };
export const bfloat16: SmallFloat = { exponentBits: 8, mantissaBits: 7, infinity: true };
export const float8E5M2: SmallFloat = { exponentBits: 5, mantissaBits: 2, infinity: true };
export const float8E4M3: SmallFloat = { exponentBits: 4, mantissaBits: 3, infinity: false };

/** The float32 values of small floats given by their bits. Exact, including the payload of a NaN. */
export function widen(
  { exponentBits, mantissaBits, infinity }: SmallFloat,
  bits: Uint16Array | Uint8Array,
): Float32Array {
  const values = new Float32Array(bits.length);
  const wide = new Uint32Array(values.buffer);
  for (let i = 0; i < bits.length; i++) wide[i] = wideBits(exponentBits, mantissaBits, infinity, bits[i]);
  return values;
}

/**
 * Rounds float32 values to small floats and writes their bits to `bits`. Larger values become infinity, or E4M3's NaN.
 */
export function narrow(
  { exponentBits, mantissaBits, infinity }: SmallFloat,
  values: Float32Array,
  bits: Uint16Array | Uint8Array,
): void {
  const wide = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) bits[i] = narrowBits(exponentBits, mantissaBits, infinity, wide[i]);
}

/** The largest finite value: 65504 for half. */
export function largest({ exponentBits, mantissaBits, infinity }: SmallFloat): number {
  const bias = 2 ** (exponentBits - 1) - 1;
  // Of the codes that look largest, one exponent is infinity's, or one mantissa E4M3's NaN.
  return infinity ? 2 ** bias * (2 - 2 ** -mantissaBits) : 2 ** (bias + 1) * (2 - 2 * 2 ** -mantissaBits);
}

function wideBits(exponentBits: number, mantissaBits: number, infinity: boolean, bits: number): number {
  const shift = 23 - mantissaBits;
  if (exponentBits === 8) return bits << shift; // bfloat16: the exponent is float32's own
  const ones = (1 << exponentBits) - 1;
  const bias = ones >> 1;
  const sign = (bits >> (exponentBits + mantissaBits)) << 31;
  const exponent = (bits >> mantissaBits) & ones;
  const mantissa = bits & ((1 << mantissaBits) - 1);
  if (exponent === ones && (infinity || mantissa === (1 << mantissaBits) - 1)) {
    return sign | 0x7f800000 | (mantissa << shift);
  }
  if (exponent > 0) return sign | ((exponent - bias + 127) << 23) | (mantissa << shift);
  if (mantissa === 0) return sign;
  // Subnormal here, normal in float32: shift the leading one out to become the implicit one.
  const leading = Math.clz32(mantissa) - (31 - mantissaBits);
  return sign | ((1 - leading - bias + 127) << 23) | ((mantissa << (leading + shift)) & 0x7fffff);
}

function narrowBits(exponentBits: number, mantissaBits: number, infinity: boolean, wide: number): number {
  const shift = 23 - mantissaBits;
  const ones = (1 << exponentBits) - 1;
  const sign = (wide >>> 31) << (exponentBits + mantissaBits);
  const magnitude = wide & 0x7fffffff;
  const tooLarge = infinity ? ones << mantissaBits : (ones << mantissaBits) | ((1 << mantissaBits) - 1);
  if (magnitude > 0x7f800000) {
    if (!infinity) return sign | tooLarge;
    // If the payload would vanish, leave a quiet NaN, not an infinity.
    return sign | tooLarge | ((magnitude & 0x7fffff) >> shift || 1 << (mantissaBits - 1));
  }
  const exponent = (magnitude >>> 23) - 127 + (ones >> 1);
  // With the exponent re-biased in place, rounding up carries from the mantissa into it. bfloat16 keeps the bias, so
  // this also covers float32's subnormals.
  const rounded =
    exponent > 0 || exponentBits === 8
      ? roundShift((exponent << 23) | (magnitude & 0x7fffff), shift)
      : roundShift((magnitude & 0x7fffff) | 0x800000, Math.min(shift + 1 - exponent, 25));
  return sign | Math.min(rounded, tooLarge);
}

/** x / 2^shift, rounded to the nearest whole number, ties to even. */
function roundShift(x: number, shift: number): number {
  const quotient = x >> shift;
  const rest = x & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  return rest > tie || (rest === tie && (quotient & 1) === 1) ? quotient + 1 : quotient;
}

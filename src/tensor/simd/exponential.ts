/**
 * eˣ and functions made from it, for four float32 at once.
 *
 *   x = k·ln 2 + r, k whole, |r| ≤ ½ ln 2        eˣ = 2ᵏ·eʳ
 *
 * eʳ is a polynomial (Cephes `expf`, S. Moshier); 2ᵏ is assembled from its bits. ln 2 is subtracted in two parts, the
 * first with so few bits that k times it is exact. Measured over all of float32's range: at most 2 units in the last
 * place.
 */
import { type Code, constant, f32x4, get, i32, i32x4, type Local, type Locals, set, v128 } from "./wasm/assembler.ts";

const whole = (value: number): Code => v128.constInt(value, value, value, value);
const SIGN = /* @__PURE__ */ whole(-0x80000000);

/**
 * 1.5·2²³: numbers near it are 1 apart, so adding it rounds to a whole number k, which then stands in the lowest bits.
 */
const ROUNDER = 12582912;

/** The polynomial with these coefficients, highest power first, by Horner's rule. */
function polynomial(x: Local, [first, ...rest]: readonly number[]): Code {
  return [constant(first), rest.map((c) => [get(x), f32x4.mul, constant(c), f32x4.add])];
}

/** Returns a function that writes the instructions for y → eˣ; its variables are shared by all uses. */
export function exponential(locals: Locals): (y: Local, ...x: readonly Code[]) => Code {
  const [r, k, bits, square] = locals.many("v128", 4);
  /** a·r + b */
  const pair = (a: number, b: number): Code => [constant(a), get(r), f32x4.mul, constant(b), f32x4.add];
  return (y, ...x) => [
    // Beyond these the result is 0 or ∞ anyway. This order keeps NaN.
    set(r, x, constant(-104), f32x4.pmax, constant(89), f32x4.pmin),
    set(bits, get(r), constant(Math.LOG2E), f32x4.mul, constant(ROUNDER), f32x4.add),
    set(k, get(bits), constant(ROUNDER), f32x4.sub),
    set(r, get(r), get(k), constant(0.693359375), f32x4.mul, f32x4.sub),
    set(r, get(r), get(k), constant(-2.1219444005469e-4), f32x4.mul, f32x4.sub),
    // eʳ = 1 + r + r²·p(r), with p's six terms in pairs (Estrin): half as long a chain of dependent instructions as
    // Horner's.
    set(square, get(r), get(r), f32x4.mul),
    set(
      y,
      pair(1.98756915e-4, 1.3981999507e-3),
      get(square),
      f32x4.mul,
      pair(8.3334519073e-3, 4.1665795894e-2),
      f32x4.add,
    ),
    set(y, get(y), get(square), f32x4.mul, pair(0.16666665459, 0.50000001201), f32x4.add),
    set(y, get(y), get(square), f32x4.mul, get(r), f32x4.add, constant(1), f32x4.add),
    // 2ᵏ in two factors, because 2¹²⁸ and 2⁻¹⁴⁹ are not normal float32: half of k, then the rest.
    set(bits, get(bits), constant(ROUNDER), i32x4.sub),
    set(k, get(bits), i32.const(1), i32x4.shiftRightSigned),
    set(y, get(y), powerOfTwo(get(k)), f32x4.mul),
    set(y, get(y), powerOfTwo([get(bits), get(k), i32x4.sub]), f32x4.mul),
  ];
}

/** 2ᵏ for −126 ≤ k ≤ 127: k + 127 in the exponent's bits. */
function powerOfTwo(k: Code): Code {
  return [k, whole(127), i32x4.add, i32.const(23), i32x4.shiftLeft];
}

/** y → 1 / (1 + e⁻ˣ), via e^−|x|, which does not overflow: for x < 0 it is e^−|x| / (1 + e^−|x|). */
export function sigmoid(y: Local, x: Local, locals: Locals): Code {
  const exp = exponential(locals);
  const e = locals.make("v128");
  return [
    exp(e, get(x), f32x4.abs, f32x4.neg),
    set(y, [get(e), constant(1), get(x), constant(0), f32x4.less, v128.bitselect]),
    set(y, get(y), constant(1), get(e), f32x4.add, f32x4.div),
  ];
}

/** y → tanh x = 1 − 2 / (e²ˣ + 1), and near 0, where that would cancel, a polynomial (Cephes `tanhf`). */
export function hyperbolicTangent(y: Local, x: Local, locals: Locals): Code {
  const exp = exponential(locals);
  const [e, square] = locals.many("v128", 2);
  return [
    exp(e, get(x), f32x4.abs, constant(2), f32x4.mul),
    set(e, constant(1), constant(2), get(e), constant(1), f32x4.add, f32x4.div, f32x4.sub),
    set(e, get(x), get(e), SIGN, v128.bitselect),
    set(square, get(x), get(x), f32x4.mul),
    set(
      y,
      polynomial(square, [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 0.133314422036, -0.333332819422]),
      [get(square), f32x4.mul, get(x), f32x4.mul, get(x), f32x4.add],
    ),
    set(y, get(y), get(e), get(x), f32x4.abs, constant(0.625), f32x4.less, v128.bitselect),
  ];
}

/**
 * sin x and cos x as in fdlibm's s_sin.c, k_sin.c, k_cos.c and e_rem_pio2.c (notice in index.ts).
 *
 *   x = n·π/2 + r, n whole, |r| ≤ π/4        sin x = sin r, cos r, −sin r or −cos r, as n % 4 is 0, 1, 2 or 3
 *
 * π/2 is subtracted in parts of 33 bits, so that n times each is exact: one part and the rest, or one or two parts more
 * where so little of x is left that it matters. r is kept in two parts too, r + tail. The polynomials are Remez's, to
 * 2⁻⁵⁸.
 */
/** 2¹⁹·π. A larger angle gives NaN; random numbers and schedules use none. */
const LARGEST = 1647099;
const QUARTER_PI = 0.7853981633974484;
const TWO_OVER_PI = 0.6366197723675814;
// 33 bits of π/2 each, and the remainder after them.
const FIRST = 1.5707963267341256;
const AFTER_FIRST = 6.077100506506192e-11;
const SECOND = 6.077100506303966e-11;
const AFTER_SECOND = 2.0222662487959506e-21;
const THIRD = 2.0222662487111665e-21;
const AFTER_THIRD = 8.4784276603689e-32;

/** sin x for |x| ≤ 2¹⁹·π, x in radians. */
export function sin(x: number): number {
  // −0 stays −0.
  return x === 0 ? x : turned(x, 0);
}

/** cos x for |x| ≤ 2¹⁹·π, x in radians. */
export function cos(x: number): number {
  return turned(x, 1);
}

/** sin(x + quarters·π/2) */
function turned(x: number, quarters: number): number {
  const size = Math.abs(x);
  if (!(size <= LARGEST)) return Number.NaN;
  if (size <= QUARTER_PI) return atQuarter(quarters, x, 0);
  const n = Math.floor(size * TWO_OVER_PI + 0.5);
  let left = size - n * FIRST;
  let rest = n * AFTER_FIRST;
  let r = left - rest;
  // 16 of 33 + 53 bits are gone: the second part's are needed. At 49, the third's.
  if (Math.abs(r) < size * 0.0000152587890625) {
    const first = left;
    left = first - n * SECOND;
    rest = n * AFTER_SECOND - (first - left - n * SECOND);
    r = left - rest;
    if (Math.abs(r) < size * 1.7763568394002505e-15) {
      const second = left;
      left = second - n * THIRD;
      rest = n * AFTER_THIRD - (second - left - n * THIRD);
      r = left - rest;
    }
  }
  const tail = left - r - rest;
  return x < 0 ? atQuarter(quarters - n, -r, -tail) : atQuarter(quarters + n, r, tail);
}

/** sin(r + tail + n·π/2) */
function atQuarter(n: number, r: number, tail: number): number {
  switch (n & 3) {
    case 0:
      return sine(r, tail);
    case 1:
      return cosine(r, tail);
    case 2:
      return -sine(r, tail);
    default:
      return -cosine(r, tail);
  }
}

/** r − r³/6 + … for |r| ≤ π/4; the tail's part is tail·cos r ≈ tail·(1 − r²/2). */
function sine(r: number, tail: number): number {
  const z = r * r;
  const cube = z * r;
  const p =
    0.00833333333332249 +
    z *
      (-0.0001984126982985795 +
        z * (0.0000027557313707070068 + z * (-2.5050760253406863e-8 + z * 1.58969099521155e-10)));
  if (tail === 0) return r + cube * (-0.16666666666666632 + z * p);
  return r - (z * (0.5 * tail - cube * p) - tail - cube * -0.16666666666666632);
}

/**
 * 1 − r²/2 + … for |r| ≤ π/4; the tail's part is −tail·sin r ≈ −tail·r. From 0.3 on 1 − r²/2 would be rounded too coarsely:
 * it becomes (1 − q) − (r²/2 − q), q of few bits and near r²/2, both of them exact.
 */
function cosine(r: number, tail: number): number {
  const z = r * r;
  const p =
    z *
    (0.0416666666666666 +
      z *
        (-0.001388888888887411 +
          z *
            (0.00002480158728947673 +
              z * (-2.7557314351390663e-7 + z * (2.087572321298175e-9 + z * -1.1359647557788195e-11)))));
  const size = Math.abs(r);
  if (size < 0.2999997138977051) return 1 - (0.5 * z - (z * p - r * tail));
  const q = size >= 0.7812504768371582 ? 0.28125 : quarter(size);
  return 1 - q - (0.5 * z - q - (z * p - r * tail));
}

/** x/4 without its last 32 bits, 0.25 ≤ x < 1. */
function quarter(x: number): number {
  return x < 0.5 ? Math.floor(x * 0x40_0000) / 0x100_0000 : Math.floor(x * 0x20_0000) / 0x80_0000;
}

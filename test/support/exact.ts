/**
 * The elementary functions to 64 bits more than a double has, in whole numbers: what src/tensor/math is measured against.
 *
 * A real number a is held as the whole number ⌊a·2ᴮ⌋. Series are Taylor's, sums of terms until one is 0; of arguments
 * made small by what holds exactly: eˣ = 2ᵏ·e^(x − k·ln 2), ln(2ᵏ·m) = k·ln 2 + 2 artanh((m − 1)/(m + 1)).
 */

/** value·2⁻ᴮ */
export interface Fixed {
  readonly value: bigint;
  readonly B: number;
}

/** The value at these doubles, to about B bits behind the point (eˣ: to B bits of its own). */
export type Exact = (B: number, ...args: number[]) => Fixed;

const bits = new DataView(new ArrayBuffer(8));

/** x·2ᴮ, rounded down where B is too small for all of x. */
export function toFixed(x: number, B: number): bigint {
  bits.setFloat64(0, x);
  const word = bits.getBigUint64(0);
  const biased = Number((word >> 52n) & 0x7ffn);
  const fraction = word & 0xfffffffffffffn;
  const whole = biased === 0 ? fraction : fraction | 0x10000000000000n;
  const size = shifted(whole, Math.max(biased, 1) - 1075 + B);
  return word >> 63n ? -size : size;
}

/** How far `got` is from the exact value, in units of the last place of a double that large. */
export function errorInUlps(got: number, { value, B }: Fixed): number {
  // 2^exponent ≤ |value|·2⁻ᴮ < 2^(exponent + 1); no double has a last place below 2⁻¹⁰⁷⁴.
  const exponent = value === 0n ? Number.NEGATIVE_INFINITY : lengthOf(value) - 1 - B;
  const lastPlace = Math.max(exponent - 52, -1074);
  // In millionths. More bits, for a `got` far below the value's.
  const off = toFixed(got, B + 1200) - (value << 1200n);
  return Number(shifted((off < 0n ? -off : off) * 1000000n, -B - 1200 - lastPlace)) / 1e6;
}

export const exact: Record<"exp" | "log" | "log1p" | "tanh" | "sin" | "cos" | "pow", Exact> = {
  exp: (B, x) => exponential(toFixed(x, B), B),
  log: (B, x) => ({ value: logarithm(toFixed(x, 1100), 1100, B), B }),
  log1p: (B, x) => ({ value: logarithm(toFixed(x, B) + one(B), B, B), B }),
  tanh: (B, x) => {
    const e = exponential(2n * toFixed(x, B), B);
    const unit = one(e.B);
    return { value: ((e.value - unit) << BigInt(B)) / (e.value + unit), B };
  },
  sin: (B, x) => {
    const angle = withinTurn(toFixed(x, B), B);
    return { value: circular(angle, 1n, angle, B), B };
  },
  cos: (B, x) => ({ value: circular(withinTurn(toFixed(x, B), B), 0n, one(B), B), B }),
  pow: (B, x, y) => exponential((toFixed(y, B) * logarithm(toFixed(x, 1100), 1100, B)) >> BigInt(B), B),
};

function one(B: number): bigint {
  return 1n << BigInt(B);
}

function lengthOf(value: bigint): number {
  return value === 0n ? 0 : (value < 0n ? -value : value).toString(2).length;
}

function shifted(value: bigint, left: number): bigint {
  return left >= 0 ? value << BigInt(left) : value >> BigInt(-left);
}

const constants = new Map<string, bigint>();

/** Computed once for each B. */
function constant(name: string, B: number, compute: (B: number) => bigint): bigint {
  const key = `${name} ${B}`;
  if (!constants.has(key)) constants.set(key, compute(B));
  return constants.get(key)!;
}

/** ln 2 = 2 artanh ⅓ */
function naturalOfTwo(B: number): bigint {
  return constant("ln 2", B, (B) => twoArtanh(1n, 3n, B));
}

/** 2 artanh(p/q) = 2 Σ (p/q)ᵏ/k over odd k */
function twoArtanh(p: bigint, q: bigint, B: number): bigint {
  let term = (p << BigInt(B + 1)) / q;
  const square = ((p * p) << BigInt(B)) / (q * q);
  let sum = 0n;
  for (let k = 1n; term !== 0n && term !== -1n; k += 2n) {
    sum += term / k;
    term = (term * square) >> BigInt(B);
  }
  return sum;
}

/** eˣ = 2ᵏ·eʳ */
function exponential(x: bigint, B: number): Fixed {
  const ln2 = naturalOfTwo(B);
  const k = x / ln2;
  // eʳ as e^(r/2¹⁶), squared sixteen times.
  const guard = 64n;
  const unit = 1n << (BigInt(B) + guard);
  const r = ((x - k * ln2) << guard) >> 16n;
  let sum = unit;
  let term = unit;
  for (let n = 1n; term !== 0n && term !== -1n; n++) {
    term = (term * r) / (unit * n);
    sum += term;
  }
  for (let i = 0; i < 16; i++) sum = (sum * sum) / unit;
  return { value: sum >> guard, B: B - Number(k) };
}

/** ln(x·2^−at)·2ᴮ */
function logarithm(x: bigint, at: number, B: number): bigint {
  const length = lengthOf(x);
  const m = shifted(x, B + 33 - length);
  const unit = one(B + 32);
  return BigInt(length - 1 - at) * naturalOfTwo(B) + twoArtanh(m - unit, m + unit, B);
}

/** x less whole turns of 2π; π = 16 arctan ⅕ − 4 arctan 1/239 (Machin). */
function withinTurn(x: bigint, B: number): bigint {
  const guard = 32;
  const turn = constant("2π", B + guard, (B) => 2n * (16n * arctanOfInverse(5n, B) - 4n * arctanOfInverse(239n, B)));
  return ((x << BigInt(guard)) % turn) >> BigInt(guard);
}

/** arctan(1/n) = Σ ±1/(k·nᵏ) over odd k */
function arctanOfInverse(n: bigint, B: number): bigint {
  let term = one(B) / n;
  let sum = 0n;
  for (let k = 1n; term !== 0n; k += 2n) {
    sum += term / k;
    term = -term / (n * n);
  }
  return sum;
}

/** Σ ±xⁿ/n! over every second n from `first` on, whose term is given. */
function circular(x: bigint, first: bigint, term: bigint, B: number): bigint {
  const square = (x * x) >> BigInt(B);
  let sum = term;
  for (let n = first + 1n; term !== 0n; n += 2n) {
    term = -(term * square) / ((n * (n + 1n)) << BigInt(B));
    sum += term;
  }
  return sum;
}

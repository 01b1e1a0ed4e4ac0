import { describe, expect, test } from "vitest";
import {
  bfloat16,
  float8E4M3,
  float8E5M2,
  half,
  largest,
  narrow,
  type SmallFloat,
  widen,
} from "../../src/io/small-floats.ts";
import { Rng } from "../../src/tensor/index.ts";

const formats: Readonly<Record<string, SmallFloat>> = { half, bfloat16, float8E4M3, float8E5M2 };

/** Every code of a format: 65,536 or 256 of them. */
function everyCode({ exponentBits, mantissaBits }: SmallFloat): Uint16Array {
  return Uint16Array.from({ length: 2 ** (1 + exponentBits + mantissaBits) }, (_, code) => code);
}

function narrowed(format: SmallFloat, values: Float32Array): number[] {
  const codes = new Uint16Array(values.length);
  narrow(format, values, codes);
  return [...codes];
}

/** The value of a code as the formats define it, in float64 arithmetic. */
function definition({ exponentBits, mantissaBits, infinity }: SmallFloat, code: number): number {
  const ones = 2 ** exponentBits - 1;
  const sign = code >> (exponentBits + mantissaBits) ? -1 : 1;
  const exponent = (code >> mantissaBits) & ones;
  const fraction = (code % 2 ** mantissaBits) / 2 ** mantissaBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === ones && infinity) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === ones && code % 2 ** mantissaBits === 2 ** mantissaBits - 1) return Number.NaN;
  return exponent === 0 ? sign * 2 ** (1 - bias) * fraction : sign * 2 ** (exponent - bias) * (1 + fraction);
}

test("examples: 1, −2, the least and the greatest half, a third", () => {
  const codes = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x3555);
  expect([...widen(half, codes)]).toEqual([1, -2, 2 ** -24, 65504, 0.333251953125]);
  expect(narrowed(half, Float32Array.of(1, -2, 2 ** -24, 65504, 1 / 3))).toEqual([...codes]);
});

test("the largest values: 65504, 3.39e38, 448, 57344", () => {
  expect(Object.values(formats).map(largest)).toEqual([65504, 2 ** 127 * (2 - 2 ** -7), 448, 57344]);
});

describe.each(Object.entries(formats))("%s", (_, format) => {
  const codes = everyCode(format);
  const values = widen(format, codes);

  test("every code has the value of the definition", () => {
    const wrong = [...codes].filter((code) => !Object.is(values[code], definition(format, code)));
    expect(wrong).toEqual([]);
  });

  test("every code comes back from float32, NaNs with their payload", () => {
    expect(narrowed(format, values)).toEqual([...codes]);
  });

  test("rounding is to the nearest, ties to even, at and around every boundary between two codes", () => {
    // Between neighbours a < b lies the tie t; the codes of non-negative values are in the values' order.
    const positive = [...codes].slice(0, codes.length / 2).filter((code) => Number.isFinite(values[code + 1]));
    const bits = new Uint32Array(1);
    const float = new Float32Array(bits.buffer);
    const next = (x: number, step: number): number => {
      float[0] = x;
      bits[0] += step;
      return float[0];
    };
    for (const code of positive) {
      const tie = (values[code] + values[code + 1]) / 2;
      if (Math.fround(tie) !== tie) continue; // below float32's own resolution: bfloat16's least subnormals never are
      const even = code % 2 === 0 ? code : code + 1;
      const got = narrowed(format, Float32Array.of(tie, next(tie, -1), next(tie, 1), -tie));
      expect(got).toEqual([even, code, code + 1, even + codes.length / 2]);
    }
  });

  test("random floats go to the nearest code", () => {
    const rng = new Rng(1);
    const numbers = Float32Array.from({ length: 2000 }, () => rng.normal() * 2 ** (rng.uniform(-1, 1) * 20));
    const finite = [...values].filter(Number.isFinite);
    const limit = largest(format);
    narrowed(format, numbers).forEach((code, i) => {
      if (Math.abs(numbers[i]) > limit) return;
      const best = Math.min(
        ...(finite.length > 1000 ? neighbours(values, code) : finite).map((v) => Math.abs(v - numbers[i])),
      );
      expect(Math.abs(values[code] - numbers[i])).toBe(best);
    });
  });

  test("beyond the largest value: infinity, or NaN where there is none", () => {
    const limit = largest(format);
    const step = limit - values[narrowed(format, Float32Array.of(limit))[0] - 1];
    const [below, tie, far, infinite, nan] = widen(
      format,
      Uint16Array.from(
        narrowed(
          format,
          Float32Array.of(limit + step / 4, limit + step / 2, 3.4e38, Number.POSITIVE_INFINITY, Number.NaN),
        ),
      ),
    );
    const beyond = format.infinity ? Number.POSITIVE_INFINITY : Number.NaN;
    expect(below).toBe(limit);
    // The tie goes to the even code: the largest one is even in E4M3 alone, where the odd one above it is NaN.
    expect(tie).toBe(format.infinity ? beyond : limit);
    expect([far, infinite, nan]).toEqual([format === bfloat16 ? Math.fround(far) : beyond, beyond, Number.NaN]);
  });
});

/** The finite values of the codes around `code`. */
function neighbours(values: Float32Array, code: number): number[] {
  return [code - 1, code, code + 1].map((c) => values[c]).filter(Number.isFinite);
}

test("a NaN whose payload does not fit stays a NaN", () => {
  const values = new Float32Array(1);
  new Uint32Array(values.buffer)[0] = 0x7f800001;
  expect(widen(half, Uint16Array.from(narrowed(half, values)))[0]).toBeNaN();
  expect(widen(bfloat16, Uint16Array.from(narrowed(bfloat16, values)))[0]).toBeNaN();
});

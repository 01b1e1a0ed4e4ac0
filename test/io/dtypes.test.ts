import { describe, expect, test } from "vitest";
import { convertFloats, type DType, decodeValues, dtypes, encodeValues, toFloat32 } from "../../src/io/dtypes.ts";
import { Rng } from "../../src/tensor/index.ts";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

describe("encodeValues and decodeValues", () => {
  test("int16, little-endian and big-endian", () => {
    expect([...encodeValues("int16", Int16Array.of(1, -2))]).toEqual([1, 0, 254, 255]);
    expect(decodeValues("int16", Uint8Array.of(1, 0, 254, 255))).toEqual(Int16Array.of(1, -2));
    expect(decodeValues("int16", Uint8Array.of(0, 1, 255, 254), false)).toEqual(Int16Array.of(1, -2));
  });

  test("a bool is 1 for every byte other than 0", () => {
    expect(decodeValues("bool", Uint8Array.of(0, 1, 7))).toEqual(Uint8Array.of(0, 1, 1));
  });

  test.each(Object.keys(dtypes) as DType[])("%s: bytes → values → the same bytes, in both orders", (dtype) => {
    const width = dtypes[dtype].bytes;
    const rng = new Rng(2);
    // Small floats: every code. Wider numbers: random bits, NaNs with payloads among them.
    const bytes =
      dtypes[dtype].small && width === 2
        ? new Uint8Array(Uint16Array.from({ length: 65536 }, (_, i) => i).buffer)
        : Uint8Array.from({ length: 256 * 8 }, (_, i) => (width === 1 ? i & 255 : rng.integer(256)));
    const expected = dtype === "bool" ? bytes.map((b) => (b ? 1 : 0)) : bytes;
    expect(Buffer.compare(encodeValues(dtype, decodeValues(dtype, bytes.slice())), expected)).toBe(0);
    const reversed = bytes.slice();
    for (let i = 0; i < bytes.length; i += width) reversed.subarray(i, i + width).reverse();
    expect(Buffer.compare(encodeValues(dtype, decodeValues(dtype, reversed, false)), expected)).toBe(0);
  });

  test("bytes in the middle of another buffer are not touched", () => {
    const buffer = Uint8Array.of(9, 9, 0, 1, 9, 9);
    expect(decodeValues("int16", buffer.subarray(2, 4), false)).toEqual(Int16Array.of(1));
    expect([...buffer]).toEqual([9, 9, 0, 1, 9, 9]);
  });
});

describe("toFloat32 rounds once, to the nearest", () => {
  test("int64: 2^53 + 1, the extremes, and a tie that two roundings would break the wrong way", () => {
    // 2^60 + 2^36 is halfway between two float32s; one more must round up, but is lost on the way through a float64.
    const values = BigInt64Array.of(
      2n ** 53n + 1n,
      -(2n ** 63n),
      2n ** 60n + 2n ** 36n + 1n,
      2n ** 60n + 2n ** 36n,
      -7n,
    );
    expect([...toFloat32(values)]).toEqual([2 ** 53, -(2 ** 63), 2 ** 60 + 2 ** 37, 2 ** 60, -7]);
    expect([...toFloat32(BigUint64Array.of(2n ** 64n - 1n, 5n))]).toEqual([2 ** 64, 5]);
  });

  test("random int64 against exact arithmetic", () => {
    const rng = new Rng(3);
    const values = BigInt64Array.from({ length: 500 }, () => {
      const bits = (BigInt(rng.bits()) << 32n) | BigInt(rng.bits());
      return BigInt.asIntN(64, bits) >> BigInt(rng.integer(60));
    });
    toFloat32(values).forEach((got, i) => {
      if (Math.abs(got) < 2 ** 24) {
        expect(BigInt(got)).toBe(values[i]);
        return;
      }
      const error = (x: number): bigint => {
        const difference = BigInt(x) - values[i];
        return difference < 0n ? -difference : difference;
      };
      const neighbour = Math.fround(got * (1 + 2 ** -23));
      const other = Math.fround(got * (1 - 2 ** -23));
      expect(error(got) <= error(neighbour) && error(got) <= error(other), `${values[i]} → ${got}`).toBe(true);
    });
  });

  test("float64", () => {
    expect([...toFloat32(Float64Array.of(0.1, 1e300, -0, nan))]).toEqual([Math.fround(0.1), infinity, -0, nan]);
  });
});

describe("convertFloats", () => {
  test("the array itself where nothing changes", () => {
    const data = Float32Array.of(1, nan);
    expect(convertFloats("float32", data, "w")).toBe(data);
  });

  test.each([
    ["float16", [0.1, -0, nan, infinity, 65504], [Math.fround(0.0999755859375), -0, nan, infinity, 65504]],
    ["int64", [7, -1], [7n, -1n]],
    ["uint8", [0, 255], [0, 255]],
    ["bool", [0, 1], [0, 1]],
    ["float64", [0.5], [0.5]],
  ] as const)("%s", (dtype, data, expected) => {
    const bytes = encodeValues(dtype, convertFloats(dtype, Float32Array.from(data), "w"));
    expect([...decodeValues(dtype, bytes.slice())]).toEqual(expected);
  });

  test.each([
    ["float16", 65505, "w: element 1 is 65505, but float16 holds numbers up to 65504"],
    ["bfloat16", 3.4e38, "bfloat16 holds numbers up to 3.3895"],
    ["float8_e4m3fn", 500, "float8_e4m3fn holds numbers up to 448"],
    ["float8_e4m3fn", infinity, "element 1 is Infinity, but float8_e4m3fn holds numbers up to 448"],
    ["float32", 1e39, "float32 holds numbers up to 3.4028"],
    ["int64", 0.5, "element 1 is 0.5, but int64 holds whole numbers from -9223372036854775808 to 9223372036854775807"],
    ["int64", 2 ** 63, "int64 holds whole numbers"],
    ["uint64", -1, "uint64 holds whole numbers from 0"],
    ["int8", 128, "int8 holds whole numbers from -128 to 127"],
    ["bool", nan, "bool holds whole numbers from 0 to 1"],
  ] as const)("error: %s %s", (dtype, value, message) => {
    expect(() => convertFloats(dtype, Float64Array.of(0, value), "w")).toThrow(message);
  });
});

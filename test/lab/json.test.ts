import { expect, test } from "vitest";
import { fromJson, toJson } from "../../lab/json.ts";

test("NaN, infinities and typed arrays survive", () => {
  const value = { a: Number.NaN, b: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-300], c: null, d: "text" };
  expect(fromJson(toJson(value))).toEqual(value);
  expect(fromJson(toJson(Float32Array.of(0.1, Number.NaN)))).toEqual([Math.fround(0.1), Number.NaN]);
});

test("other readers understand it", () => {
  expect(JSON.parse(toJson({ loss: Number.NaN }))).toEqual({ loss: "NaN" });
});

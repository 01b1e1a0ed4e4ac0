/** The tests' own tools: the generator bit for bit, the comparison, and that a wrong result does not pass. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { add, mul } from "../../src/autograd/elementwise.ts";
import { sizeOf } from "../../src/tensor/shape.ts";
import {
  disagreement,
  fnv1a32,
  type GoldenCase,
  type GoldenFile,
  generate,
  hashAt,
  readGolden,
  scalarDisagreement,
} from "./golden.ts";
import { type GoldenRun, goldenDisagreements } from "./golden-family.ts";

const folder = new URL("../golden/", import.meta.url);

interface Vectors {
  fnv1a32: { name: string; seed: number }[];
  streams: { name: string; scale: number; offset: number; u32: number[]; f32: number[] }[];
}

interface GeneratorCheck {
  gen: string;
  shape: number[];
  scale: number;
  offset: number;
  first: string;
  xor: number;
}

describe("the generator", () => {
  const vectors = JSON.parse(readFileSync(new URL("vectors.json", folder), "utf8")) as Vectors;

  it.each(vectors.fnv1a32)("seed of $name", ({ name, seed }) => {
    expect(fnv1a32(name)).toBe(seed);
  });

  it.each(vectors.streams)("stream of $name", ({ name, scale, offset, u32, f32 }) => {
    expect(u32.map((_, i) => hashAt(fnv1a32(name), i))).toEqual(u32);
    expect([...generate(name, f32.length, scale, offset)]).toEqual(f32);
  });

  const families = readdirSync(folder)
    .filter((file) => file.endsWith(".json") && file !== "vectors.json")
    .map((file) => file.replace(".json", ""));

  it.each(families)("gen_check of %s: the first numbers and the exclusive or of all bits", (family) => {
    const { gen_check: checks } = readGolden(family) as GoldenFile & { gen_check: GeneratorCheck[] };
    for (const { gen, shape, scale, offset, first, xor } of checks) {
      const values = generate(gen, sizeOf(shape), scale, offset);
      const bits = new Uint32Array(values.buffer).reduce((all, word) => all ^ word, 0) >>> 0;
      expect(bits).toBe(xor);
      const start = Buffer.from(values.buffer).subarray(0, Buffer.from(first, "base64").length);
      expect(start.toString("base64")).toBe(first);
    }
  });
});

describe("comparison", () => {
  const reference = { shape: [2], dtype: "float64", values: [1, 100], rtol: 0.01, atol: 0.1 };

  it("accepts what is within atol + rtol·|reference|, element by element", () => {
    expect(disagreement([1.1, 101], [2], reference)).toBeUndefined();
    expect(disagreement([1.12, 100], [2], reference)).toContain("[0] is 1.12, expected 1");
    expect(disagreement([1, 101.2], [2], reference)).toContain("[1] is 101.2, expected 100");
  });

  it("refuses NaN and another shape", () => {
    expect(disagreement([Number.NaN, 100], [2], reference)).toContain("[0] is NaN");
    expect(disagreement([1, 100], [1, 2], reference)).toBe("shape [1,2], expected [2]");
  });

  it("scalars: relative, absolute for zero, by order of magnitude where the tolerance is huge", () => {
    expect(scalarDisagreement(1.001, [1, 0.01])).toBeUndefined();
    expect(scalarDisagreement(1.02, [1, 0.01])).toBeDefined();
    expect(scalarDisagreement(1e-9, [0, null, 1e-8])).toBeUndefined();
    expect(scalarDisagreement(1e-7, [0, null, 1e-8])).toBeDefined();
    expect(scalarDisagreement(4, [1, 0.5])).toBeUndefined();
    expect(scalarDisagreement(6, [1, 0.5])).toBeDefined();
    expect(scalarDisagreement(Number.NaN, [1, 0.01])).toBeDefined();
  });
});

describe("a family's runner", () => {
  const file = readGolden("elementwise");
  const c = file.cases.find(({ name }) => name === "mul_row") as GoldenCase;
  const differences = (run: GoldenRun): string[] => goldenDisagreements(c, file, run);

  it("right: no difference", () => {
    expect(differences(({ input }) => mul(input("a"), input("b")))).toEqual([]);
  });

  it("a wrong output, a wrong gradient, a missing output and a missing gradient are all found", () => {
    expect(differences(({ input }) => add(input("a"), input("b"))).join()).toContain("output y: [0] is");
    const wrong: GoldenRun = ({ input }) => {
      const y = mul(input("a"), input("b"));
      return { outputs: { y }, gradients: { a: input("a"), b: input("b") } };
    };
    expect(differences(wrong).join()).toMatch(/gradient a: .*gradient b: /);
    expect(differences(({ input }) => ({ outputs: { z: mul(input("a"), input("b")) } }))).toEqual([
      "output y is missing",
      "output y was not recorded, so it has no gradients",
    ]);
    const onlyA: GoldenRun = ({ input }) => {
      const b = input("b");
      b.requiresGrad = false;
      return mul(input("a"), b);
    };
    expect(differences(onlyA)).toEqual(["gradient b is missing"]);
  });

  it("an input the case does not have is an error that names it", () => {
    expect(() => differences(({ input }) => input("bias"))).toThrow("golden: mul_row has no input bias");
  });
});

/** What rounds, compares, chooses, sorts out and crops, against PyTorch: NaN, infinities, ties, nothing at all, odd shapes. */
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import * as S from "../../src/index.ts";
import { useKernels } from "../../src/tensor/tier.ts";

vi.mock("../../src/tensor/simd/worth.ts", () => import("../support/worth.ts"));

/** A shape, and float32 numbers in base64. */
type Packed = readonly [shape: number[], data: string];

interface Case {
  readonly op: string;
  readonly args: readonly unknown[];
  readonly inputs: readonly Packed[];
  readonly y: Packed;
  /** The upstream gradient; null where PyTorch records nothing. */
  readonly up: Packed | null;
  readonly grads: readonly Packed[];
  readonly indices: readonly number[] | null;
}

const cases: readonly Case[] = JSON.parse(
  readFileSync(new URL("../golden/choosing/choosing.json", import.meta.url), "utf8"),
);

function unpacked([shape, data]: Packed, requiresGrad = false): S.Tensor {
  const bytes = Uint8Array.from(Buffer.from(data, "base64"));
  return S.tensor(new Float32Array(bytes.buffer), shape, { requiresGrad });
}

/** A bound: infinite ones are written as text, absent ones as null. */
const bound = (value: unknown): number | undefined => (value === null ? undefined : Number(value));

interface Result {
  readonly values: S.Tensor;
  readonly indices?: { readonly data: ArrayLike<number> };
}

function run({ op, args }: Case, [a, b]: readonly S.Tensor[]): Result {
  switch (op) {
    case "elu":
      return { values: S.elu(a, args[0] as number) };
    case "clamp":
      return { values: S.clamp(a, bound(args[0]), bound(args[1])) };
    case "where":
      return { values: S.where(unpacked(args[0] as Packed), a, b) };
    case "topK":
      return S.topK(a, args[0] as number, { axis: args[1] as number, largest: args[2] as boolean });
    case "pad":
      return { values: S.pad(a, args[0] as [number, number][], args[1] as number) };
    case "oneHot":
      return { values: S.oneHot(a, args[0] as number) };
    default:
      return { values: (S as unknown as Record<string, (...x: S.Tensor[]) => S.Tensor>)[op](...(b ? [a, b] : [a])) };
  }
}

/** Equal to the bit; elu within some units in the last place. */
function expectSame(op: string, got: S.Tensor, reference: Packed): void {
  const expected = unpacked(reference);
  expect(got.shape).toEqual(expected.shape);
  expected.data.forEach((v, i) => {
    if (op === "elu" && Number.isFinite(v))
      expect(Math.abs(got.data[i] - v)).toBeLessThanOrEqual(2 ** -21 * Math.abs(v));
    else expect(got.data[i]).toBe(v);
  });
}

afterEach(() => {
  useKernels("auto");
});

describe.each(["simd", "plain"] as const)("as PyTorch (%s)", (tier) => {
  it.each(cases.map((c, i) => [`${i}: ${c.op} ${c.inputs.map(([shape]) => `[${shape}]`).join(" ")}`, c] as const))(
    "%s",
    (_, c) => {
      useKernels(tier);
      const inputs = c.inputs.map((x) => unpacked(x, c.up !== null));
      const { values, indices } = run(c, inputs);
      expectSame(c.op, values, c.y);
      if (c.indices) expect(Array.from(indices?.data ?? [])).toEqual(c.indices);
      if (!c.up) return;
      const grads = S.backward(values, { gradient: unpacked(c.up) });
      c.grads.forEach((expected, i) => {
        expectSame(c.op, grads.get(inputs[i]), expected);
      });
    },
  );
});

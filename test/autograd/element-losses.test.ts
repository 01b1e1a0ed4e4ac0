/** L1, Huber, smooth L1 and Kullback–Leibler: PyTorch's numbers and gradients, kinks, zeros, and what is refused. */
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { huberLoss, klDivLoss, l1Loss, mseLoss, smoothL1Loss } from "../../src/autograd/element-losses.ts";
import { tensor } from "../../src/tensor/create.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { useKernels } from "../../src/tensor/tier.ts";

interface Golden {
  readonly x: number[];
  readonly t: number[];
  readonly logp: number[];
  readonly p: number[];
  readonly clamped: number[];
  readonly logt: number[];
  readonly up: number[];
  readonly zeros: number[];
  readonly cases: readonly { name: string; y: number[]; x: number[]; target: number[] }[];
}
const golden: Golden = JSON.parse(
  readFileSync(new URL("../golden/element-losses/element_losses.json", import.meta.url), "utf8"),
);
const matrix = (values: readonly number[]): Tensor => tensor([...values], [3, 4]);
const leaf = (values: readonly number[]): Tensor => {
  const t = matrix(values);
  t.requiresGrad = true;
  return t;
};
const near = (got: ArrayLike<number>, expected: readonly number[]): void => {
  expect(got.length).toBe(expected.length);
  expected.forEach((v, i) => {
    expect(Math.abs(got[i] - v)).toBeLessThanOrEqual(2e-6 * Math.max(1, Math.abs(v)));
  });
};

type Reduced = "mean" | "sum" | "none" | "batchMean";
/** The loss that a case's name says: `huberLoss 0.7`, `klDivLoss log`. */
function lossOf(name: string, x: Tensor, t: Tensor, reduction: Reduced): Tensor {
  const [op, option] = name.split(" ");
  if (op === "klDivLoss") return klDivLoss(x, t, { reduction, logTarget: option === "log" });
  const shared = { reduction: reduction as "mean" };
  if (op === "huberLoss") return huberLoss(x, t, { ...shared, delta: Number(option) });
  if (op === "smoothL1Loss") return smoothL1Loss(x, t, { ...shared, beta: Number(option) });
  return l1Loss(x, t, shared);
}

afterEach(() => {
  useKernels("auto");
});

describe.each(["simd", "plain"] as const)("as PyTorch (%s)", (tier) => {
  it.each(golden.cases)("$name", ({ name, y: expected, x: gx, target: gt }) => {
    useKernels(tier);
    const isKl = name.startsWith("klDivLoss");
    const x = leaf(isKl ? golden.logp : golden.x);
    const t = leaf(isKl ? (name.includes(" log") ? golden.logt : golden.clamped) : golden.t);
    const last = name.split(" ").at(-1)!;
    const y = lossOf(name, x, t, (last === "batchmean" ? "batchMean" : last) as Reduced);
    near(y.data, expected);
    const gradient = y.rank === 0 ? tensor(1.5) : matrix(golden.up);
    const gradients = backward(y, { gradient });
    near(gradients.get(x).data, gx);
    near(gradients.get(t).data, gt);
  });

  it("a class of probability 0 adds nothing to the divergence", () => {
    useKernels(tier);
    near(klDivLoss(matrix(golden.logp), matrix(golden.p), { reduction: "none" }).data, golden.zeros);
  });
});

it("Huber's loss is half the square inside δ, and δ times smooth L1 everywhere", () => {
  const [x, t] = [matrix(golden.x), matrix(golden.t)];
  near(
    huberLoss(x, t, { delta: 1e6 }).data,
    [...mseLoss(x, t).data].map((v) => v / 2),
  );
  near(
    huberLoss(x, t, { delta: 0.3, reduction: "none" }).data,
    [...smoothL1Loss(x, t, { beta: 0.3, reduction: "none" }).data].map((v) => 0.3 * v),
  );
});

it("smooth L1 with β = 0 is L1, where x and target are equal, too (PyTorch's gradient is −1 there)", () => {
  const [x, t] = [leaf(golden.x), matrix(golden.t)];
  const [smooth, straight] = [smoothL1Loss(x, t, { beta: 0 }), l1Loss(x, t)];
  expect(smooth.item()).toBe(straight.item());
  expect(backward(smooth).get(x).toArray()).toEqual(backward(straight).get(x).toArray());
  expect(backward(straight).get(x).data.at(-1)).toBe(0);
});

it("NaN stays", () => {
  const [x, t] = [tensor([Number.NaN, 1]), tensor([0, 0])];
  for (const loss of [l1Loss, huberLoss, smoothL1Loss, klDivLoss]) expect(loss(x, tensor([1, 1])).item()).toBeNaN();
  expect(l1Loss(x, t, { reduction: "none" }).toArray()).toEqual([Number.NaN, 1]);
});

it("refuses shapes that differ, and options out of range", () => {
  const [x, t] = [tensor([1, 2]), tensor([[1, 2]])];
  for (const loss of [l1Loss, huberLoss, smoothL1Loss, klDivLoss])
    expect(() => loss(x, t)).toThrow(/target \[1,2\] must have the shape/);
  expect(() => huberLoss(x, x, { delta: 0 })).toThrow(/huberLoss: delta must be/);
  expect(() => smoothL1Loss(x, x, { beta: -1 })).toThrow(/smoothL1Loss: beta must be/);
  expect(() => l1Loss(x, x, { reduction: "batchMean" as never })).toThrow(/l1Loss: reduction must be/);
  expect(() => klDivLoss(x, x, { reduction: "batch" as never })).toThrow(/klDivLoss: reduction must be/);
});

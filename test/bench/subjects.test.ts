import { afterEach, describe, expect, test } from "vitest";
import { subjectOf } from "../../bench/subjects.ts";
import { clearResidents, resident, threadedTier, tier, tierNames } from "../../bench/tiers.ts";
import { verdictOf } from "../../bench/verdict.ts";
import { convShapes, flopsOf, nameOf, type Work } from "../../bench/works.ts";
import { relu } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { tierInUse, useKernels } from "../../src/tensor/tier.ts";

afterEach(clearResidents);

const small: readonly Work[] = [
  { kind: "gemm", m: 5, n: 7, k: 9, transposeA: true },
  { kind: "convolution", pass: "forward", N: 2, C: 3, O: 5, size: 8, kernel: 3 },
  { kind: "convolution", pass: "inputGradient", N: 2, C: 3, O: 5, size: 8, kernel: 3, stride: 2 },
  { kind: "convolution", pass: "weightGradient", N: 2, C: 3, O: 5, size: 8, kernel: 3 },
  { kind: "convolution", pass: "all", N: 2, C: 3, O: 5, size: 8, kernel: 3 },
  { kind: "relu", N: 2, C: 3, size: 4 },
  { kind: "add", N: 2, C: 3, size: 4 },
  { kind: "batchNormRelu", N: 2, C: 3, size: 4 },
  { kind: "interpolate", mode: "bilinear", pass: "all", N: 2, C: 3, size: 4 },
  { kind: "interpolate", mode: "nearest", pass: "forward", N: 2, C: 3, size: 4 },
  { kind: "convTranspose", pass: "all", N: 2, C: 3, O: 5, size: 8, kernel: 3, stride: 2, padding: 1 },
  { kind: "trainingStep", network: "ResNet-20", width: 2, batch: 2, size: 8, channels: 3 },
  { kind: "inference", network: "ResNet-20", width: 2, batch: 2, size: 8, channels: 3 },
];

describe("the same work gives the same result on every tier, twice", () => {
  for (const work of small) {
    test(nameOf(work), () => {
      const results = tierNames.map((name) => {
        const subject = subjectOf(work, tier(name, false));
        subject.run();
        const first = subject.result();
        // A training step moves the weights; everything else finds its inputs as they were.
        if (work.kind !== "trainingStep") {
          subject.run();
          expect(subject.result()).toBe(first);
        }
        return first;
      });
      expect(Number.isFinite(results[0])).toBe(true);
      // Sums of at most some hundred terms about 1 in float32; Winograd adds a few roundings to each.
      for (const result of results)
        expect(Math.abs(result - results[0])).toBeLessThan(1e-4 * (1 + Math.abs(results[0])));
    });
  }
});

describe("one thread and two take turns, with the same bits", () => {
  for (const work of small) {
    test(nameOf(work), async () => {
      const before = tierInUse();
      const two = await threadedTier(2);
      expect(tierInUse()).toBe(before);
      const subjects = [tier("simd", false), two].map((kernels) => subjectOf(work, kernels));
      for (let turn = 0; turn < 3; turn++) {
        for (const { run } of subjects) run();
        const [one, other] = subjects.map(({ result }) => result());
        expect(Number.isFinite(one)).toBe(true);
        expect(other).toBe(one);
      }
    });
  }
});

test.each(["one", "two"])("resident arrays outlive steps: %s", async (threads) => {
  const kernels = threads === "one" ? tier("simd", true) : await threadedTier(2);
  const x = resident(kernels, 64).fill(-3);
  const previous = useKernels(kernels);
  try {
    for (let step = 0; step < 3; step++) noGrad(() => relu(new Tensor(new Float32Array(64).fill(step), [64])));
  } finally {
    useKernels(previous);
  }
  expect(x.every((value) => value === -3)).toBe(true);
});

test("the work of a convolution, counted by the definition", () => {
  expect(flopsOf({ kind: "convolution", pass: "all", N: 2, C: 3, O: 5, size: 8, kernel: 3, stride: 2 })).toBe(
    3 * 2 * 2 * 5 * 4 * 4 * 3 * 9,
  );
});

test("names tell the works apart", () => {
  const names = convShapes.map((shape) => nameOf({ kind: "convolution", pass: "forward", ...shape }));
  expect(new Set(names).size).toBe(names.length);
});

test("a target is reached, missed, not there, or not measured", () => {
  const atMost1 = (value: number): boolean => value <= 1;
  expect(verdictOf(1, atMost1, undefined)).toEqual({ verdict: "ok" });
  expect(verdictOf(1.01, atMost1, undefined)).toEqual({ verdict: "short" });
  expect(verdictOf(1.01, undefined, undefined)).toEqual({ verdict: "" });
  expect(verdictOf(undefined, atMost1, "no torch")).toEqual({ verdict: "not measured", reason: "no torch" });
});

import { afterEach, describe, expect, test } from "vitest";
import { subjectOf } from "../../bench/subjects.ts";
import { clearResidents, resident, tier, tierNames } from "../../bench/tiers.ts";
import { convShapes, flopsOf, nameOf, type Work } from "../../bench/works.ts";
import { relu } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { useKernels } from "../../src/tensor/tier.ts";

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

test("resident arrays outlive steps", () => {
  const kernels = tier("simd", true);
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

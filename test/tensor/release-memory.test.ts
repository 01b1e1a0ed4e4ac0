/** `releaseMemory` between steps, and only there. */
import { afterEach, describe, expect, it } from "vitest";
import { mul } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { matmul } from "../../src/autograd/matmul.ts";
import { randn } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { releaseMemory, tierInUse, useKernels } from "../../src/tensor/tier.ts";

afterEach(() => {
  useKernels("auto");
});

const x = randn([64, 64], new Rng(1));

describe("releaseMemory", () => {
  it("puts other kernels in the place of the SIMD ones, which compute the same; the old ones can still be chosen", () => {
    useKernels("simd");
    const old = tierInUse();
    const y = noGrad(() => matmul(x, x));
    releaseMemory();
    expect(tierInUse().name).toBe("simd");
    expect(tierInUse()).not.toBe(old);
    expect(noGrad(() => matmul(x, x)).data).toEqual(y.data);
    useKernels(old);
    expect(noGrad(() => matmul(x, x)).data).toEqual(y.data);
  });

  it("leaves another tier in use", () => {
    useKernels("simd");
    useKernels("plain");
    const plain = tierInUse();
    releaseMemory();
    expect(tierInUse()).toBe(plain);
  });

  it("is an error inside a step", () => {
    expect(() => noGrad(() => releaseMemory())).toThrow("releaseMemory: must be called between steps");
    expect(noGrad(() => mul(x, 2)).size).toBe(4096);
  });
});

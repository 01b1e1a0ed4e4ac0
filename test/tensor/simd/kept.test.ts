/** What is kept of constants from step to step: the same bits as without, and never what is out of date. */
import { afterEach, describe, expect, it } from "vitest";
import { noGrad } from "../../../src/autograd/graph.ts";
import { Conv2d, fuse, GlobalAvgPool2d, Linear, ReLU, Sequential } from "../../../src/nn/index.ts";
import { BatchNorm2d } from "../../../src/nn/norm.ts";
import { randn } from "../../../src/tensor/create.ts";
import { plainKernels } from "../../../src/tensor/plain/index.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import { kernelsOf } from "../../../src/tensor/simd/index.ts";
import { Engine } from "../../../src/tensor/simd/wasm/engine.ts";
import { webAssembly } from "../../../src/tensor/simd/wasm/features.ts";
import { Kept } from "../../../src/tensor/simd/wasm/kept.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { useKernels } from "../../../src/tensor/tier.ts";

const MIB = 2 ** 20;
const before = useKernels(plainKernels);
afterEach(() => void useKernels(before));

function begin(bytes = 64 * MIB): void {
  useKernels(kernelsOf(new Engine(webAssembly()!, bytes, bytes)));
}

/** A convolution for each way to compute one: Winograd, direct with a stride, im2col with groups, a matrix product. */
function network(seed: number): Sequential {
  const rng = new Rng(seed);
  const layers = [
    new Conv2d(3, 16, 3, { padding: 1, rng }),
    new BatchNorm2d(16),
    new ReLU(),
    new Conv2d(16, 40, 3, { padding: 1, rng }),
    new Conv2d(40, 24, 3, { stride: 2, padding: 1, rng }),
    new Conv2d(24, 24, 3, { groups: 12, rng }),
    new Conv2d(24, 70, 1, { rng }),
    new GlobalAvgPool2d(),
    new Linear(70, 4000, { rng }),
  ];
  return new Sequential(...layers);
}

const x = randn([2, 3, 17, 17], new Rng(1));
const step = (model: Sequential): number[] => [...noGrad(() => model.forward(x)).data];
const parameters = (model: Sequential): readonly Tensor[] => model.parameters();

describe("a fused model", () => {
  it("computes the same bits in every step, and outside of steps", () => {
    begin();
    const model = network(0);
    expect(fuse(model)).toBe(1);
    const outside = [...model.forward(x).data];
    for (let i = 0; i < 5; i++) expect(step(model)).toEqual(outside);
    expect([...model.forward(x).data]).toEqual(outside);
  });

  it("computes with new values after `assign`, and after `changed`", () => {
    begin();
    const model = network(0);
    fuse(model);
    for (let i = 0; i < 3; i++) step(model);
    for (const t of parameters(model)) {
      const was = step(model);
      t.assign(t.data.map((value) => value * 1.5));
      const is = step(model);
      expect(is).not.toEqual(was);
      t.data[0] += 1;
      t.changed();
      expect(step(model)).not.toEqual(is);
    }
    const after = step(model);
    begin();
    expect(step(model)).toEqual(after);
  });

  it("leaves the arrays of other models and steps alone", () => {
    begin();
    const models = [network(0), network(1), network(2)];
    const expected = models.map((model) => {
      begin();
      fuse(model);
      return step(model);
    });
    begin();
    for (let i = 0; i < 4; i++) expect(models.map(step)).toEqual(expected);
  });

  // One of them keeps 1.3 MB, and half of the memory is for what is kept.
  it("in a memory that cannot hold what two models keep: the same, by turns", () => {
    const models = [network(0), network(1)];
    for (const model of models) fuse(model);
    begin();
    const expected = models.map(step);
    begin(4 * MIB);
    for (let i = 0; i < 3; i++) {
      for (const [m, model] of models.entries()) for (let j = 0; j < 4; j++) expect(step(model)).toEqual(expected[m]);
    }
  });
});

describe("Kept", () => {
  it("gives a place at the end of the step that asked, one behind the other", () => {
    const kept = new Kept();
    const [a, b] = [{}, {}];
    expect(kept.find(a, "U", 64, 1000)).toEqual({ bytes: 64, address: 0, filled: false });
    kept.find(b, "U", 128, 1000);
    expect(kept.settle(1024, 1024)).toBe(1216);
    expect([kept.find(a, "U", 64, 1000)?.address, kept.find(b, "U", 128, 1000)?.address]).toEqual([1024, 1088]);
    expect(kept.find(a, "packed", 64, 1000)?.address).toBe(0);
    expect(kept.settle(1216, 1024)).toBe(1280);
  });

  it("without room: undefined; drops everything when a step has not used all of it", () => {
    const kept = new Kept();
    const [a, b, c] = [{}, {}, {}];
    kept.find(a, "", 64, 128);
    kept.find(b, "", 64, 128);
    expect(kept.find(c, "", 64, 128)).toBeUndefined();
    // All was used: what is there stays.
    const base = kept.settle(1024, 1024);
    expect([base, kept.find(a, "", 64, 128)?.address]).toEqual([1152, 1024]);
    expect(kept.find(c, "", 64, 128)).toBeUndefined();
    // b was not.
    expect(kept.settle(base, 1024)).toBe(1024);
    expect(kept.find(c, "", 64, 128)?.address).toBe(0);
    expect(kept.settle(1024, 1024)).toBe(1088);
    expect([kept.find(c, "", 64, 128)?.address, kept.find(a, "", 64, 128)?.address]).toEqual([1024, 0]);
  });
});

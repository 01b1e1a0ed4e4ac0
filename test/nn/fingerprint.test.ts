import { describe, expect, it } from "vitest";
import { certify } from "../../src/flow/index.ts";
import { BatchNorm2d, fingerprint, Linear, Sequential } from "../../src/nn/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";

describe("fingerprint", () => {
  it("eight digits, the same for a model, its state dict, and a model of the same seed", () => {
    const model = new Linear(2, 3, { rng: new Rng(0) });
    expect(fingerprint(model)).toMatch(/^[0-9a-f]{8}$/);
    expect(fingerprint(model.stateDict())).toBe(fingerprint(model));
    expect(fingerprint(new Linear(2, 3, { rng: new Rng(0) }))).toBe(fingerprint(model));
    expect(fingerprint(new Linear(2, 3, { rng: new Rng(1) }))).not.toBe(fingerprint(model));
  });

  it("sees the last bit of a weight, the sign of a zero, names, shapes and running statistics", () => {
    const of = (values: number[]): string => fingerprint({ w: tensor(values) });
    expect(of([1])).not.toBe(of([1 + 2 ** -23]));
    expect(of([0])).not.toBe(of([-0]));
    expect(fingerprint({ v: tensor([1]) })).not.toBe(of([1]));
    expect(fingerprint({ w: tensor([[1]]) })).not.toBe(of([1]));
    const model = new Sequential(new BatchNorm2d(2));
    const before = fingerprint(model);
    model.forward(randn([2, 2, 2, 2], new Rng(0)));
    expect(fingerprint(model)).not.toBe(before);
  });

  it("is what a certificate says of the weights", () => {
    const model = cifarResNet(8, { width: 4, rng: new Rng(0) });
    expect(certify(model, randn([1, 3, 8, 8], new Rng(1))).weights).toBe(fingerprint(model));
  });

  it("takes nothing else", () => {
    expect(() => fingerprint(3 as never)).toThrow("fingerprint: the model or state dict must be");
    expect(() => fingerprint({ w: 3 } as never)).toThrow("fingerprint: w must be a tensor");
  });
});

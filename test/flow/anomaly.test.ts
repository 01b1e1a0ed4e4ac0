import { describe, expect, it } from "vitest";
import { add, div, log, mul, sqrt } from "../../src/autograd/elementwise.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { findAnomaly } from "../../src/flow/anomaly.ts";
import { Module } from "../../src/nn/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const images = randn([2, 3, 8, 8], new Rng(1));
const net = () => cifarResNet(8, { width: 4, rng: new Rng(2) });
const lossOf =
  (model: Module, x = images) =>
  () =>
    crossEntropy(model.forward(x), [0, 1]);

/** Replaces what one layer computes. */
function plant(model: Module, path: string, f: (y: Tensor) => Tensor): void {
  const module = model.namedModules().find(([name]) => name === path)![1] as Module;
  const forward = module.forward;
  module.forward = (x) => f(forward.call(module, x));
}

describe("findAnomaly", () => {
  it("a healthy network has none", () => {
    const model = net();
    expect(findAnomaly(model, lossOf(model))).toBeNull();
  });

  it("forward: the logarithm of negative numbers, in the layer that takes it", () => {
    const model = net();
    plant(model, "layer2.0.conv2", (y) => log(y));
    const found = findAnomaly(model, lossOf(model))!;
    expect(found).toMatchObject({ phase: "forward", op: "log", layer: "layer2.0.conv2", kind: "NaN", size: 256 });
    expect(found.message).toMatch(
      /^forward: NaN \(\d+ of 256 numbers\) in log in layer2\.0\.conv2, output \[2,8,4,4\], inputs finite$/,
    );
  });

  it("forward: an infinity in the block itself, outside of its layers", () => {
    const model = net();
    plant(model, "layer3.0", (y) => div(y, 0));
    expect(findAnomaly(model, lossOf(model))).toMatchObject({ phase: "forward", op: "div", layer: "layer3.0" });
  });

  it("forward: a parameter that has it already, and the input", () => {
    const model = net();
    model.stateDict()["layer1.0.bn2.weight"].data[1] = Number.POSITIVE_INFINITY;
    expect(findAnomaly(model, lossOf(model))).toMatchObject({
      op: "parameter",
      layer: "layer1.0.bn2.weight",
      kind: "Infinity",
      count: 1,
      size: 4,
      message: "forward: Infinity (1 of 4 numbers) in parameter in layer1.0.bn2.weight [4], on its way into batchNorm",
    });
    const bad = images.clone();
    bad.data[7] = Number.NaN;
    const other = net();
    expect(findAnomaly(other, lossOf(other, bad))).toMatchObject({
      op: "input",
      layer: "conv1",
      kind: "NaN",
      count: 1,
    });
  });

  it("backward: √x at 0 is finite, its derivative is not", () => {
    class Root extends Module {
      forward(x: Tensor): Tensor {
        return sqrt(x);
      }
    }
    const model = new Root();
    const x = tensor([4, 0], { requiresGrad: true });
    expect(findAnomaly(model, () => sum(model.forward(mul(x, 1))))).toMatchObject({
      phase: "backward",
      op: "sqrt",
      layer: "",
      kind: "Infinity",
      count: 1,
      message: "backward: Infinity (1 of 2 numbers) in gradient of sqrt, for its input 0 [2], upstream finite",
    });
  });

  it("backward: two finite gradients whose sum overflows", () => {
    const x = tensor([1e-30], { requiresGrad: true });
    const large = tensor([3e38]);
    const model = net();
    expect(findAnomaly(model, () => sum(add(mul(x, large), mul(x, large))))).toMatchObject({
      phase: "backward",
      op: "mul",
      kind: "Infinity",
    });
  });
});

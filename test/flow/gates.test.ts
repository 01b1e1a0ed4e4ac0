/** readGates: highway layers and residual blocks with a gated shortcut. */
import { expect, it } from "vitest";
import { relu } from "../../src/autograd/elementwise.ts";
import { readGates } from "../../src/flow/index.ts";
import { cifarResNet, type HighwayLinear, highwayConvNet, highwayNet } from "../../src/resnet/index.ts";
import { randn, zeros } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";

const rng = new Rng(0);

it("the gates of each layer and each example, and their means", () => {
  const model = highwayNet(4, { inFeatures: 6, units: 3, rng: new Rng(8) });
  const input = randn([2, 6], new Rng(1));
  const rows = readGates(model, input);
  expect(rows.map(({ layer }) => layer)).toEqual(["layers.0", "layers.1", "layers.2"]);
  let h = relu(model.input.forward(input));
  rows.forEach(({ gates, perExample }, i) => {
    const layer = model.layers.layers[i] as HighwayLinear;
    expect(gates.data).toEqual(layer.gate(h).data);
    h = layer.forward(h);
    const rowMeans = [0, 1].map((n) => [0, 1, 2].reduce((sum, u) => sum + gates.data[3 * n + u], 0) / 3);
    // One rounding to float32.
    perExample.forEach((mean, n) => {
      expect(Math.abs(mean - rowMeans[n])).toBeLessThan(1e-7);
    });
  });
  expect(rows[1].perExample[0]).not.toBe(rows[1].perExample[1]);
});

it("of images: one mean per image over channels and pixels; running statistics and modes stay", () => {
  const model = highwayConvNet(7, { width: 2, batchNorm: true, rng });
  const before = model.namedBuffers().map(([, t]) => [...t.data]);
  const rows = readGates(model, randn([3, 3, 8, 8], new Rng(1)));
  expect(rows.map(({ layer, gates }) => [layer, ...gates.shape])).toEqual([
    ["layer1.0", 3, 2, 8, 8],
    ["layer2.0", 3, 4, 4, 4],
    ["layer3.0", 3, 8, 2, 2],
  ]);
  expect(rows.every(({ perExample }) => perExample.length === 3)).toBe(true);
  expect(model.namedBuffers().map(([, t]) => [...t.data])).toEqual(before);
  expect(model.namedModules().every(([, { training }]) => training)).toBe(true);
});

it("of residual blocks with a gated shortcut too", () => {
  const model = cifarResNet(8, { width: 2, shortcut: "gate", rng });
  expect(readGates(model, zeros([1, 3, 8, 8])).map(({ layer }) => layer)).toEqual(["layer1.0", "layer2.0", "layer3.0"]);
});

it("the gates of a whole network can be read, for each image", () => {
  const x = randn([2, 3, 8, 8], new Rng(1));
  for (const shortcut of ["gate", "shortcutGate"] as const) {
    const rows = readGates(cifarResNet(8, { width: 4, shortcut, gateBias: -1, rng: new Rng(0) }), x);
    expect(rows.map(({ layer, gates }) => `${layer} ${gates.shape.join("×")}`)).toEqual([
      "layer1.0 2×4×8×8",
      "layer2.0 2×8×4×4",
      "layer3.0 2×16×2×2",
    ]);
    expect(rows[0].perExample[0]).not.toBe(rows[0].perExample[1]);
  }
});

it("a network without gates is an error", () => {
  expect(() => readGates(cifarResNet(8, { width: 2, rng }), zeros([1, 3, 8, 8]))).toThrow(
    "readGates: ResNet has no layer with a gate",
  );
  expect(() => readGates(highwayNet(3, { shortcut: "none", rng }), zeros([1, 784]))).toThrow(
    "readGates: HighwayNet has no layer",
  );
});

/** Highway layers against eq. 3 of the paper, networks and their plain twins. */
import { describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { conv2d } from "../../src/autograd/conv.ts";
import { add, mul, relu, sigmoid, sub, tanh } from "../../src/autograd/elementwise.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { linear } from "../../src/autograd/matmul.ts";
import { batchNorm } from "../../src/autograd/norm.ts";
import { certify } from "../../src/flow/index.ts";
import { fit, SGD } from "../../src/nn/index.ts";
import { HighwayBlock, HighwayLinear, highwayConvNet, highwayNet, isResidualBlock } from "../../src/resnet/index.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { checkGradients, shaken } from "../support/blocks.ts";
import { norm } from "../support/golden-models.ts";

const rng = new Rng(0);
const x = randn([3, 4, 5, 6], new Rng(1));
const v = randn([3, 4], new Rng(1));

/** y = T·H + (1 − T)·x, eq. 3. */
const equation3 = (t: Tensor, h: Tensor, input: Tensor): Tensor => add(mul(t, h), mul(sub(1, t), input));

describe("an example to read", () => {
  const layer = new HighwayLinear(2, { rng });
  layer.linearH.weight.assign([0, 1, 1, 0]);
  layer.linearH.bias!.assign([0, 0]);
  layer.linearT!.weight.assign([0, 0, 0, 0]);
  const at = (gate: number): unknown => {
    layer.linearT!.bias!.assign([gate, gate]);
    return layer.forward(tensor([[3, 5]])).toArray();
  };

  it("an open gate transforms, a shut one carries, a half open one does half of each", () => {
    expect(at(100)).toEqual([[5, 3]]);
    expect(at(-100)).toEqual([[3, 5]]);
    expect(at(0)).toEqual([[4, 4]]);
  });
});

describe("y = T·H + (1 − T)·x", () => {
  it.each(["relu", "tanh"] as const)("fully connected, %s", (activation) => {
    const layer = shaken(new HighwayLinear(4, { activation, rng }));
    const { linearH, linearT } = layer;
    const h = (activation === "relu" ? relu : tanh)(linear(v, linearH.weight, linearH.bias));
    const t = sigmoid(linear(v, linearT!.weight, linearT!.bias));
    expect(layer.forward(v).data).toEqual(equation3(t, h, v).data);
    expect(layer.gate(v).data).toEqual(t.data);
    expect(layer.branch(v).data).toEqual(mul(t, h).data);
    expect(layer.skip(v)!.data).toEqual(mul(sub(1, t), v).data);
  });

  it.each([
    ["relu", false, 3],
    ["tanh", true, 5],
    ["relu", true, 1],
  ] as const)("convolutional, %s, batch norm %s, filters of side %i", (activation, withNorm, kernelSize) => {
    const block = shaken(new HighwayBlock(4, { activation, batchNorm: withNorm, kernelSize, rng }));
    const { convH, bnH, convT } = block;
    const padding = (kernelSize - 1) / 2;
    let h = conv2d(x, convH.weight, convH.bias, { padding });
    if (bnH) h = batchNorm(h, bnH.weight, bnH.bias, { training: true });
    h = (activation === "relu" ? relu : tanh)(h);
    const t = sigmoid(conv2d(x, convT!.weight, convT!.bias, { padding }));
    expect(block.forward(x).data).toEqual(equation3(t, h, x).data);
    expect(block.branch(x).data).toEqual(mul(t, h).data);
    expect(block.skip(x)!.data).toEqual(mul(sub(1, t), x).data);
  });

  it("the plain twin is H alone, with the same bits", () => {
    for (const make of [
      (shortcut: "gate" | "none") => new HighwayLinear(4, { shortcut, rng: new Rng(5) }),
      (shortcut: "gate" | "none") => new HighwayBlock(4, { shortcut, rng: new Rng(5) }),
    ]) {
      const [gated, plain] = [make("gate"), make("none")];
      const input = gated instanceof HighwayLinear ? v : x;
      expect(plain.forward(input).data).toEqual(gated.transform(input).data);
      expect(() => plain.gate(input)).toThrow('a layer with shortcut "none" has no gate');
      expect(plain.skip(input)).toBe(null);
      expect(plain.branch(input).data).toEqual(plain.forward(input).data);
      expect(plain.parameterCount()).toBe(gated.parameterCount() / 2);
    }
  });

  it("a collapsed layer is its input", () => {
    const layer = new HighwayLinear(4, { rng });
    layer.collapsed = true;
    expect(layer.forward(v)).toBe(v);
  });
});

describe("starting values", () => {
  it("the gate's bias is gateBias, −2 unless told; H's is 0", () => {
    expect(new HighwayLinear(2, { rng }).linearT!.bias!.toArray()).toEqual([-2, -2]);
    const block = new HighwayBlock(2, { gateBias: -3.5, rng });
    expect(block.convT!.bias!.toArray()).toEqual([-3.5, -3.5]);
    expect(block.convH.bias!.toArray()).toEqual([0, 0]);
  });

  it("a low gate bias makes a layer nearly the identity: y − x shrinks with σ(gateBias)", () => {
    const distance = (gateBias: number): number =>
      norm(sub(new HighwayBlock(4, { gateBias, rng: new Rng(3) }).forward(x), x)) / norm(x);
    // Gates near σ(b) ≈ eᵇ: the distance falls by e^6 from b = −4 to b = −10.
    expect(distance(-4) / distance(-10)).toBeGreaterThan(0.8 * Math.exp(6));
    expect(distance(-10)).toBeLessThan(1e-3);
  });
});

describe("gradients of the input and of every parameter (float64)", () => {
  const layers: [string, () => HighwayLinear | HighwayBlock, number[]][] = [
    ["HighwayLinear", () => new HighwayLinear(3, { activation: "tanh", rng: new Rng(6) }), [4, 3]],
    ["HighwayBlock", () => new HighwayBlock(2, { batchNorm: true, activation: "tanh", rng: new Rng(6) }), [2, 2, 4, 4]],
  ];

  it.each(layers)("%s", (_, make, shape) => {
    expect(checkGradients(shaken(make()), randn(shape, new Rng(7)))).toBeLessThan(1e-7);
  });
});

describe("src/flow sees a highway layer as a residual block", () => {
  it("whose shortcut is a gate", () => {
    const block = new HighwayBlock(4, { rng });
    expect(isResidualBlock(block)).toBe(true);
    expect(certify(block, x).blocks[0]).toMatchObject({ verdict: "gate", holds: false });
    expect(certify(new HighwayBlock(4, { shortcut: "none", rng }), x).blocks[0].verdict).toBe("none");
  });

  it("and the gradient that it carries is (1 − T)·∂L/∂y, plus what T and H send", () => {
    const layer = new HighwayLinear(4, { gateBias: -200, rng });
    const leaf = new Tensor(v.data, v.shape, true);
    const gradient = randn([3, 4], new Rng(9));
    // σ(−200) is 0 in float32: a shut gate, and y is x.
    expect(backward(layer.forward(leaf), { gradient }).get(leaf).data).toEqual(gradient.data);
  });
});

describe("highwayNet", () => {
  it("parameters: 784·50 + 50, then 2·(50·50 + 50) a layer, then 510; the plain twin of 71 units has about as many", () => {
    for (const depth of [10, 20, 50, 100]) {
      const count = highwayNet(depth, { rng }).parameterCount();
      expect(count).toBe(784 * 50 + 50 + (depth - 1) * 2 * 2550 + 510);
      const plain = highwayNet(depth, { shortcut: "none", rng }).parameterCount();
      expect(plain).toBe(784 * 71 + 71 + (depth - 1) * (71 * 71 + 71) + 720);
    }
  });

  it("depth counts the plain layer and the highway layers; the default gate bias falls with it", () => {
    const bias = (depth: number): number => {
      const { layers } = highwayNet(depth, { units: 2, inFeatures: 3, rng });
      expect(layers.layers).toHaveLength(depth - 1);
      return (layers.layers[0] as HighwayLinear).linearT!.bias!.data[0];
    };
    for (const depth of [2, 10, 50, 100]) expect(bias(depth)).toBeCloseTo(-Math.log(depth), 6);
    const told = highwayNet(50, { gateBias: -7, rng }).layers.layers[0] as HighwayLinear;
    expect(told.linearT!.bias!.data[0]).toBe(-7);
  });

  it("takes images or rows, and its options", () => {
    const options = { inFeatures: 12, units: 7, classes: 3, activation: "tanh", rng } as const;
    const model = highwayNet(4, options);
    expect(model.forward(randn([2, 3, 2, 2], rng)).shape).toEqual([2, 3]);
    const row = randn([1, 12], rng);
    const hidden = model.layers.forward(tanh(linear(row, model.input.weight, model.input.bias)));
    expect(model.forward(row).data).toEqual(model.output.forward(hidden).data);
  });

  /** Rows of 20 numbers, of which the first or the second half is brighter: the class. */
  const halves = (count: number): { x: Tensor; labels: number[] } => {
    const noise = new Rng(4);
    const labels = Array.from({ length: count }, (_, i) => i % 2);
    const pixels = labels.flatMap((label) =>
      Array.from({ length: 20 }, (_, i) => noise.normal() + (Number(i >= 10) === label ? 0.7 : 0)),
    );
    return { x: tensor(Float32Array.from(pixels), [count, 20]), labels };
  };

  it.each([1, 2, 3])(
    "at a depth of 50 it learns what its plain twin learns badly or not at all (seed %i)",
    async (seed) => {
      const finalLoss = async (shortcut: "gate" | "none"): Promise<number> => {
        const model = highwayNet(50, { inFeatures: 20, units: 16, classes: 2, shortcut, rng: new Rng(seed) });
        const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
        const { steps } = await fit(model, { data: () => [halves(64)], optimizer, steps: 60 });
        return steps[59].loss;
      };
      // A coin's loss is ln 2 = 0.69. The highway networks come to 0.02 … 0.06. What becomes of the plain ones hangs on each
      // rounding, and so on the tier and the processor: 0.33 … 4.5.
      const highway = await finalLoss("gate");
      expect(highway).toBeLessThan(0.1);
      expect(await finalLoss("none")).toBeGreaterThan(3 * highway);
    },
  );
});

describe("highwayConvNet", () => {
  it("a plain convolution before each stage, as many blocks in each, the spare ones first", () => {
    const blocks = (depth: number): number[] => {
      const { layer1, layer2, layer3 } = highwayConvNet(depth, { width: 2, rng });
      return [layer1, layer2, layer3].map(({ layers }) => layers.length);
    };
    expect([7, 8, 9, 10, 19, 32].map(blocks)).toEqual([
      [1, 1, 1],
      [2, 1, 1],
      [2, 2, 1],
      [2, 2, 2],
      [5, 5, 5],
      [10, 9, 9],
    ]);
  });

  it.each([
    ["colour", { width: 4 }, [2, 3, 16, 16]],
    ["grey, plain, with batch norm", { width: 4, inChannels: 1, shortcut: "none", batchNorm: true }, [2, 1, 9, 13]],
    ["tanh, batch norm", { width: 2, activation: "tanh", batchNorm: true, classes: 3 }, [2, 3, 8, 8]],
  ] as const)("%s: a gradient for every parameter", (_, options, shape) => {
    const model = highwayConvNet(8, { ...options, rng });
    const y = model.forward(randn(shape, new Rng(1)));
    expect(y.shape).toEqual([2, "classes" in options ? 3 : 10]);
    const grads = backward(crossEntropy(y, Int32Array.of(1, 2)));
    for (const [name, w] of model.namedParameters()) expect(grads.has(w), name).toBe(true);
  });

  it("names", () => {
    const names = Object.keys(highwayConvNet(7, { width: 2, batchNorm: true, rng }).stateDict());
    expect(names.filter((name) => name.endsWith(".weight"))).toEqual([
      "conv1.weight",
      "bn1.weight",
      "layer1.0.conv_h.weight",
      "layer1.0.bn_h.weight",
      "layer1.0.conv_t.weight",
      "conv2.weight",
      "bn2.weight",
      "layer2.0.conv_h.weight",
      "layer2.0.bn_h.weight",
      "layer2.0.conv_t.weight",
      "conv3.weight",
      "bn3.weight",
      "layer3.0.conv_h.weight",
      "layer3.0.bn_h.weight",
      "layer3.0.conv_t.weight",
      "fc.weight",
    ]);
  });
});

describe("errors", () => {
  it.each([
    [
      () => new HighwayLinear(2, { shortcut: "pad" as "gate", rng }),
      'HighwayLinear: shortcut must be "gate" or "none", got "pad"',
    ],
    [
      () => new HighwayBlock(2, { activation: "elu" as "relu", rng }),
      'HighwayBlock: activation must be "relu" or "tanh", got "elu"',
    ],
    [() => new HighwayBlock(2, { kernelSize: 2, rng }), "HighwayBlock: kernelSize must be odd, got 2"],
    [
      () => new HighwayLinear(2, { gateBias: Number.NaN, rng }),
      "HighwayLinear: gateBias must be a finite number, got NaN",
    ],
    [
      () => new HighwayLinear(2, { rng }).zeroInitLast(),
      "HighwayLinear: a highway layer cannot start with a zero branch",
    ],
    [() => highwayNet(1, { rng }), "highwayNet: depth must be a whole number of 2 or more, got 1"],
    [() => highwayNet(10, { units: 0, rng }), "highwayNet: units must be a whole number of 1 or more, got 0"],
    [() => highwayConvNet(6, { rng }), "highwayConvNet: depth must be a whole number of 7 or more, got 6"],
    [
      () => highwayConvNet(7, { width: 1.5, rng }),
      "highwayConvNet: width must be a whole number of 1 or more, got 1.5",
    ],
  ] as const)("%#", (make, message) => {
    expect(make).toThrow(message);
  });
});

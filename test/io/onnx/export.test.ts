/** What is in the file: names, versions, folded norms; what becomes of the model; and options that make no sense. */
import { describe, expect, it } from "vitest";
import { add, dropout, noGrad, relu, sum, valueAndGrad } from "../../../src/autograd/index.ts";
import { exportOnnx, OnnxExportError, type OnnxExportOptions } from "../../../src/io/onnx/index.ts";
import { BatchNorm2d, Conv2d, Dropout, Flatten, Linear, Module, ReLU, Sequential } from "../../../src/nn/index.ts";
import { cifarResNet } from "../../../src/resnet/index.ts";
import { randn, zeros } from "../../../src/tensor/create.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { Apply } from "./apply.ts";
import { type Decoded, decode } from "./decode.ts";
import { difference, openOnnx } from "./runtime.ts";

const exported = (model: Module, options: OnnxExportOptions): Decoded => decode(exportOnnx(model, options));

/** A small network with a residual, a dropout and a linear layer. */
class Small extends Module {
  readonly stem: Sequential;
  readonly drop: Dropout;
  readonly fc: Linear;

  constructor(rng: Rng) {
    super();
    this.stem = new Sequential(new Conv2d(3, 4, 3, { padding: 1, bias: false, rng }), new BatchNorm2d(4), new ReLU());
    this.drop = new Dropout(0.5, { rng });
    this.fc = new Linear(4 * 5 * 5, 2, { rng });
  }

  forward(x: Tensor): Tensor {
    const y = this.stem.forward(x);
    return this.fc.forward(new Flatten().forward(add(y, this.drop.forward(relu(y)))));
  }
}

const inputShape = [3, 5, 5];
const small = (): Small => new Small(new Rng(0));

describe("the file", () => {
  const { opset, irVersion, producerVersion, graph } = exported(small(), { inputShape });

  it("has the versions of opset 17 and no producer's version, unless told otherwise", () => {
    expect([opset, irVersion, producerVersion]).toEqual([17, 8, ""]);
    const later = exported(small(), { inputShape, opset: 21, producerVersion: "0.2.0" });
    expect([later.opset, later.irVersion, later.producerVersion]).toEqual([21, 10, "0.2.0"]);
  });

  it("names nodes after the modules that compute them, and the graph after the class", () => {
    expect(graph.name).toBe("Small");
    expect(graph.nodes.map(({ name, inputs, output }) => [name, inputs, output])).toEqual([
      ["stem.0/Conv", ["input", "stem.0.weight"], "stem.0/Conv"],
      [
        "stem.1/BatchNormalization",
        ["stem.0/Conv", "stem.1.weight", "stem.1.bias", "stem.1.running_mean", "stem.1.running_var"],
        "stem.1/BatchNormalization",
      ],
      ["stem.2/Relu", ["stem.1/BatchNormalization"], "stem.2/Relu"],
      ["Relu", ["stem.2/Relu"], "Relu"],
      ["Add", ["stem.2/Relu", "Relu"], "Add"],
      ["Reshape", ["Add", "constant"], "Reshape"],
      ["fc/Gemm", ["Reshape", "fc.weight", "fc.bias"], "output"],
    ]);
  });

  it("has the parameters under their names in the state, bit for bit, and nothing else", () => {
    const state = small().stateDict();
    const { constant, ...weights } = graph.tensors;
    expect(constant.data).toEqual([-1, 100]);
    // How many batches were seen is of no use in evaluation.
    expect(Object.keys(weights).sort()).toEqual(
      Object.keys(state)
        .filter((name) => name !== "stem.1.num_batches_tracked")
        .sort(),
    );
    for (const [name, { shape, data }] of Object.entries(weights)) {
      expect(shape).toEqual(state[name].shape);
      expect(data).toEqual(Array.from(state[name].data));
    }
  });

  it("calls input, output and graph as told", () => {
    const named = exported(small(), { inputShape, inputName: "image", outputName: "logits", name: "net" });
    expect([named.graph.input.name, named.graph.output.name, named.graph.name]).toEqual(["image", "logits", "net"]);
  });

  it("the same model gives the same bytes", () => {
    expect(exportOnnx(small(), { inputShape })).toEqual(exportOnnx(small(), { inputShape }));
  });

  it("an example does instead of its shape", () => {
    expect(exportOnnx(small(), { example: zeros([7, ...inputShape]) })).toEqual(exportOnnx(small(), { inputShape }));
  });

  it("a parameter that is used twice is in it once", () => {
    const linear = new Linear(3, 3, { rng: new Rng(0) });
    const { graph } = exported(new Sequential(linear, linear), { inputShape: [3] });
    expect(graph.nodes.map(({ inputs }) => inputs.slice(1))).toEqual([
      ["0.weight", "0.bias"],
      ["0.weight", "0.bias"],
    ]);
    expect(graph.nodes.map(({ name }) => name)).toEqual(["0/Gemm", "0/Gemm_1"]);
  });

  it("constants of the network's own making have a name in the module that uses them", () => {
    const { graph } = exported(new Sequential(new Apply((x) => add(x, randn([3], new Rng(1))))), { inputShape: [3] });
    expect(graph.nodes.map(({ inputs }) => inputs)).toEqual([["input", "0/constant"]]);
    expect(graph.tensors["0/constant"].data).toEqual(Array.from(randn([3], new Rng(1)).data));
  });
});

describe("the model", () => {
  it("keeps its values, its modes, and every part's own mode", () => {
    const model = small().train();
    model.stem.eval();
    const before = Object.values(model.stateDict()).map((t) => t.data.slice());
    exportOnnx(model, { inputShape, foldBatchNorm: true });
    expect(Object.values(model.stateDict()).map((t) => t.data)).toEqual(before);
    expect(model.namedModules().map(([, { training }]) => training)).toEqual([
      true,
      false,
      false,
      false,
      false,
      true,
      true,
    ]);
  });

  it("keeps its mode also where the export fails", () => {
    const model = new Sequential(new Linear(4, 4, { rng: new Rng(0) }));
    expect(() => exportOnnx(model, { inputShape: [3] })).toThrow();
    expect(model.training).toBe(true);
  });

  it("can be exported again after a failure, and in the middle of a step", () => {
    const expected = exportOnnx(small(), { inputShape });
    expect(() => exportOnnx(small(), { inputShape: [4, 5, 5] })).toThrow();
    expect(exportOnnx(small(), { inputShape })).toEqual(expected);
    const weight = zeros([1], { requiresGrad: true });
    const { value } = valueAndGrad(() => ({ loss: sum(weight), bytes: exportOnnx(small(), { inputShape }) }));
    expect(value.bytes).toEqual(expected);
  });
});

describe("folded batch norms", () => {
  const rng = new Rng(3);
  const conv = (inChannels: number, outChannels: number, bias = false): Conv2d =>
    new Conv2d(inChannels, outChannels, 3, { padding: 1, bias, rng });
  const norm = (channels: number): BatchNorm2d => {
    const layer = new BatchNorm2d(channels);
    for (const t of [layer.weight!, layer.bias!, layer.runningMean!]) t.assign(t.data.map((v) => v + rng.normal()));
    layer.runningVar!.assign(layer.runningVar!.data.map(() => rng.uniform(0.5, 2)));
    return layer;
  };

  async function fold(model: Module): Promise<Decoded> {
    const decoded = exported(model.eval(), { inputShape, foldBatchNorm: true });
    const x = randn([2, ...inputShape], new Rng(4));
    const expected = noGrad(() => model.forward(x));
    // Scaling the weights instead of the results rounds otherwise: some units in the last place.
    expect(difference(await (await openOnnx(decoded.bytes)).run(x), expected)).toBeLessThan(1e-6);
    return decoded;
  }
  const operators = ({ graph }: Decoded): string[] => graph.nodes.map(({ operator }) => operator);

  it("are scales and shifts of the convolution, which gets a bias", async () => {
    const model = new Sequential(conv(3, 4), norm(4), new ReLU());
    const { graph } = await fold(model);
    expect(graph.nodes.map(({ name, inputs }) => [name, inputs])).toEqual([
      ["0/Conv", ["input", "0.weight", "0.bias"]],
      ["2/Relu", ["0/Conv"]],
    ]);
    expect(Object.keys(graph.tensors)).toEqual(["0.weight", "0.bias"]);
  });

  it("change the bias of a convolution that has one, and may be the last", async () => {
    const { graph } = await fold(new Sequential(conv(3, 4, true), norm(4)));
    expect(graph.nodes).toEqual([
      { name: "0/Conv", operator: "Conv", inputs: ["input", "0.weight", "0.bias"], output: "output" },
    ]);
  });

  it("without scale and shift", async () => {
    const decoded = await fold(new Sequential(conv(3, 4), new BatchNorm2d(4, { affine: false }), new ReLU()));
    expect(operators(decoded)).toEqual(["Conv", "Relu"]);
  });

  it("stay where the convolution's result is used elsewhere too", async () => {
    const first = conv(3, 4);
    const second = norm(4);
    const decoded = await fold(new Apply((x) => ((y) => add(y, second.eval().forward(y)))(first.forward(x))));
    expect(operators(decoded)).toEqual(["Conv", "BatchNormalization", "Add"]);
  });

  it("stay where the convolution's weight is used elsewhere too", async () => {
    const shared = conv(3, 3);
    const decoded = await fold(new Sequential(shared, norm(3), shared, norm(3)));
    expect(operators(decoded)).toEqual(["Conv", "BatchNormalization", "Conv", "BatchNormalization"]);
  });

  it("stay after anything else", async () => {
    expect(operators(await fold(new Sequential(norm(3), new ReLU(), norm(3))))).toEqual([
      "BatchNormalization",
      "Relu",
      "BatchNormalization",
    ]);
  });

  it("all 19 of a residual network of 20 layers", () => {
    const model = cifarResNet(20, { rng: new Rng(0) });
    const count = (foldBatchNorm: boolean): number =>
      operators(exported(model, { inputShape: [3, 32, 32], foldBatchNorm })).filter((o) => o === "BatchNormalization")
        .length;
    expect([count(false), count(true)]).toEqual([19, 0]);
  });
});

describe("errors", () => {
  it("an operation that is not exported: the module that runs it", () => {
    const always = new Apply((x) => dropout(x, 0.5, { rng: new Rng(0) }));
    const model = new Sequential(new ReLU(), new Sequential(always));
    let thrown: unknown;
    try {
      exportOnnx(model, { inputShape: [3] });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(OnnxExportError);
    expect(thrown).toMatchObject({ name: "OnnxExportError", op: "dropout", module: "1.0" });
    expect((thrown as Error).message).toMatch(/^exportOnnx: dropout in 1\.0: it drops at random/);
  });

  it.each<[name: string, options: OnnxExportOptions, message: string]>([
    [
      "neither shape nor example",
      {},
      "exportOnnx: give inputShape, the shape of one example, or an example, but not both",
    ],
    [
      "both",
      { inputShape: [3], example: zeros([1, 3]) },
      "exportOnnx: give inputShape, the shape of one example, or an example, but not both",
    ],
    [
      "an operator set before 17",
      { inputShape, opset: 16 },
      "exportOnnx: opset must be a whole number from 17 to 25, got 16",
    ],
    [
      "one that is none",
      { inputShape, opset: 17.5 },
      "exportOnnx: opset must be a whole number from 17 to 25, got 17.5",
    ],
    [
      "one that is not known yet",
      { inputShape, opset: 26 },
      "exportOnnx: opset must be a whole number from 17 to 25, got 26",
    ],
    [
      "a scalar as a batch",
      { example: zeros([]) },
      "exportOnnx: an example of shape [] has no batch axis: export it with dynamicBatch: false",
    ],
    [
      "the name of a parameter",
      { inputShape, outputName: "fc.bias" },
      'exportOnnx: outputName must not be empty or the name of a parameter, got "fc.bias"',
    ],
    [
      "no name",
      { inputShape, inputName: "" },
      'exportOnnx: inputName must not be empty or the name of a parameter, got ""',
    ],
    [
      "one name for two",
      { inputShape, inputName: "x", outputName: "x" },
      'exportOnnx: inputName and outputName are both "x"',
    ],
  ])("%s", (_, options, message) => {
    expect(() => exportOnnx(small(), options)).toThrow(message);
  });

  it("a shape that the model does not take", () => {
    expect(() => exportOnnx(small(), { inputShape: [4, 5, 5] })).toThrow(
      "exportOnnx: Small does not take an input of shape [1,4,5,5]: conv2d: x has 4 channels, w expects 3",
    );
  });

  it("a model that ignores its input", () => {
    const weight = zeros([3], { requiresGrad: true });
    for (const f of [() => relu(weight), () => zeros([3])]) {
      expect(() => exportOnnx(new Apply(f), { inputShape: [3] })).toThrow(
        "exportOnnx: no recorded operation leads from the input of Apply to its output",
      );
    }
  });

  it("a parameter that the network changes after it used it", () => {
    const weight = zeros([3], { requiresGrad: true });
    const changing = (x: Tensor): Tensor => {
      const y = add(x, weight);
      weight.assign([1, 2, 3]);
      return y;
    };
    expect(() => exportOnnx(new Apply(changing), { inputShape: [3] })).toThrow(
      "exportOnnx: add in the network itself: a tensor was changed in place after the operation used it",
    );
  });

  it("several inputs or outputs", () => {
    const pair = new Apply((x) => [x, relu(x)] as unknown as Tensor);
    expect(() => exportOnnx(pair, { inputShape: [3] })).toThrow(
      "exportOnnx: Apply returns an array of 2, but exportOnnx needs one output, a tensor",
    );
    const named = new Apply((x) => relu((x as unknown as { image: Tensor }).image));
    expect(() => exportOnnx(named, { inputShape: [3] })).toThrow(
      "exportOnnx: Apply cannot run on one tensor, of shape [1,3]: ",
    );
  });

  it("inside noGrad, where nothing is recorded", () => {
    expect(() => noGrad(() => exportOnnx(small(), { inputShape }))).toThrow(
      /^exportOnnx: no recorded operation .*noGrad/,
    );
  });
});

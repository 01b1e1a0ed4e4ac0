/** What is refused: damaged files, whatever is damaged, and files that say more than is covered. */
import { readFileSync } from "node:fs";
import { onnx } from "onnx-proto";
import { describe, expect, it } from "vitest";
import { exportOnnx, FormatError, importOnnx } from "../../../../src/io/index.ts";
import { cifarResNet } from "../../../../src/resnet/index.ts";
import { Rng, SkipstoneError, zeros } from "../../../../src/tensor/index.ts";

const small = exportOnnx(cifarResNet(8, { width: 1, rng: new Rng(0) }), { inputShape: [3, 8, 8] });
const byTorch: Uint8Array[] = ["residual", "viewed-16"].map((name) =>
  Uint8Array.from(readFileSync(`${import.meta.dirname}/torch/${name}.onnx`)),
);

/** Reads it; if that works, runs it. Returns the error. */
function errorOf(bytes: Uint8Array): unknown {
  try {
    importOnnx(bytes);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("a damaged file", () => {
  it.each([small, ...byTorch].map((bytes, i) => [i, bytes] as const))(
    "%d, cut off anywhere: a FormatError, or what is left is a network",
    (_, bytes) => {
      const rng = new Rng(3);
      let refused = 0;
      for (let trial = 0; trial < 300; trial++) {
        const error = errorOf(bytes.subarray(0, rng.integer(bytes.length)));
        if (error === undefined) continue;
        expect(error).toBeInstanceOf(FormatError);
        refused++;
      }
      expect(refused).toBeGreaterThan(250);
    },
  );

  it.each([small, ...byTorch].map((bytes, i) => [i, bytes] as const))(
    "%d, with any bytes changed: a FormatError or a network",
    (_, bytes) => {
      const rng = new Rng(4);
      let refused = 0;
      for (let trial = 0; trial < 300; trial++) {
        const changed = bytes.slice();
        for (let i = 0; i <= trial % 4; i++) changed[rng.integer(changed.length)] = rng.integer(256);
        const error = errorOf(changed);
        if (error === undefined) continue;
        expect(error).toBeInstanceOf(FormatError);
        refused++;
      }
      expect(refused).toBeGreaterThan(30);
    },
  );

  it.each([
    ["PK\x03\x04\x00\x00", "it holds weights without a network: loadWeights reads them"],
    ["\x80\x02\x8a\x0a", "it holds weights without a network"],
    ["\x1f\x8b\x08\x00", "it is compressed with gzip"],
    ["<!DOCTYPE html>", "it is a web page"],
    ['{"depth": 18}', "it is JSON"],
    ["version https://git-lfs.github.com/spec/v1\n", "it is a pointer of Git LFS"],
  ])("a file of another kind, %j, is called by what it is", (text, message) => {
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    expect(() => importOnnx(bytes)).toThrow(`importOnnx: no .onnx file: ${message}`);
  });

  it("is named for what is wrong with it", () => {
    const cut = (length: number) => () => importOnnx(small.subarray(0, length));
    expect(cut(0)).toThrow("importOnnx: no .onnx file: it is empty");
    expect(cut(small.length - 20)).toThrow(
      /^importOnnx: truncated or damaged: a field of \d+ bytes at byte \d+ goes past/,
    );
    expect(() => importOnnx(Uint8Array.of(0x0b))).toThrow("wire type 3 does not occur in ONNX");
    // Field 7, the graph, as a whole number.
    expect(() => importOnnx(Uint8Array.of(0x38, 1))).toThrow("importOnnx: field 7 has wire type 0");
    expect(() => importOnnx(new Uint8Array(12).fill(0xff))).toThrow("a number has more than 64 bits");
  });
});

type Change = (model: onnx.ModelProto) => void;

/** The small network with something changed by the official schema. */
function changed(change: Change): Uint8Array {
  const model = onnx.ModelProto.decode(small);
  change(model);
  return onnx.ModelProto.encode(model).finish();
}

const node =
  (operator: string, more: onnx.INodeProto = {}): Change =>
  ({ graph }) => {
    Object.assign(graph!.node![4], { opType: operator, name: "layer1/odd", attribute: [], ...more });
  };

const REFUSALS: readonly (readonly [name: string, change: Change, message: string | RegExp])[] = [
  [
    "a loop",
    node("Loop"),
    'node "layer1/odd" (Loop): control flow is not covered: export the network for one fixed case',
  ],
  ["a branch", node("If"), 'node "layer1/odd" (If): control flow is not covered'],
  ["a list", node("SequenceConstruct"), 'node "layer1/odd" (SequenceConstruct): lists of tensors are not covered'],
  ["quantised numbers", node("QLinearConv"), 'node "layer1/odd" (QLinearConv): quantised numbers are not covered'],
  [
    "an unknown operator",
    node("Frobnicate"),
    'node "layer1/odd" (Frobnicate): this operator is not covered: replace it',
  ],
  ["erf by itself", node("Erf"), 'node "layer1/odd" (Erf): erf is covered as a part of GELU only'],
  ["a name of JavaScript", node("constructor"), 'node "layer1/odd" (constructor): this operator is not covered'],
  [
    "another domain",
    node("Relu", { domain: "com.microsoft" }),
    'node "layer1/odd" (Relu) is of the domain "com.microsoft"',
  ],
  [
    "an input that nothing computes",
    node("Relu", { input: ["x"] }),
    'node "layer1/odd" (Relu) reads "x", which nothing',
  ],
  [
    "an old opset",
    ({ opsetImport }) => (opsetImport[0].version = 6),
    "must be from 7 to 25, got 6: export the network",
  ],
  ["a new opset", ({ opsetImport }) => (opsetImport[0].version = 26), "must be from 7 to 25, got 26"],
  ["no opset", (model) => (model.opsetImport = []), "does not say which version of the operators it uses"],
  [
    "external data",
    ({ graph }) => (graph!.initializer![0].dataLocation = 1),
    /^importOnnx: tensor ".+" is kept in another file \(external data\), which is not opened: save the model as one file/,
  ],
  [
    "too few numbers",
    ({ graph }) => (graph!.initializer![0].rawData = new Uint8Array(8)),
    /^importOnnx: tensor ".+" of shape \[.+\] must have \d+ numbers, got 2$/,
  ],
  ["complex numbers", ({ graph }) => (graph!.initializer![0].dataType = 14), /has numbers of type 14/],
  [
    "two outputs",
    ({ graph }) => graph!.output!.push({ ...graph!.output![0], name: graph!.node![0].output![0] }),
    'the network must have one output, got 2: "output"',
  ],
  ["no inputs", ({ graph }) => (graph!.input = []), /reads "input", which nothing before it computes/],
  [
    "an input of whole numbers",
    ({ graph }) => (graph!.input![0].type!.tensorType!.elemType = 7),
    'the input "input" must be floats, got type 7',
  ],
  [
    "nodes in the wrong order",
    ({ graph }) => graph!.node!.reverse(),
    /^importOnnx: node ".+" \(.+\) reads ".+", which nothing before it computes$/,
  ],
  [
    "an attribute of another kind",
    node("Flatten", { attribute: [{ name: "axis", type: 3, s: new Uint8Array(1) }] }),
    'node "layer1/odd" (Flatten): "axis" must be a whole number',
  ],
];

describe("what is not covered", () => {
  it.each(REFUSALS)("%s", (_, change, message) => {
    const read = (): unknown => importOnnx(changed(change));
    expect(read).toThrow(FormatError);
    expect(read).toThrow(message);
  });

  it("an input of another shape, when the network runs", () => {
    const network = importOnnx(small);
    expect(() => network.forward(zeros([2, 3, 8, 9]))).toThrow(
      'importOnnx: input "input" must be [any,3,8,8], got [2,3,8,9]',
    );
    const fixed = importOnnx(
      exportOnnx(cifarResNet(8, { width: 1, rng: new Rng(0) }), { inputShape: [3, 8, 8], dynamicBatch: false }),
    );
    expect(() => fixed.forward(zeros([2, 3, 8, 8]))).toThrow(
      "the file fixes the batch; import it with { anyBatch: true }",
    );
  });

  it("an operation that does not fit, with the node's name", () => {
    const bytes = changed(({ graph }) => {
      graph!.input![0].type!.tensorType!.shape = null;
    });
    expect(() => importOnnx(bytes).forward(zeros([1, 4, 8, 8]))).toThrow(
      /^importOnnx: node "conv1.*" \(Conv\): conv2d: x has 4/,
    );
    expect(() => importOnnx(bytes).forward(zeros([1, 4, 8, 8]))).toThrow(SkipstoneError);
  });
});

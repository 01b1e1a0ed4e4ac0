/** The bytes, decoded by an implementation of the official schema that is not ours (the package onnx-proto). */
import { onnx } from "onnx-proto";
import { describe, expect, it } from "vitest";
import { encodeModel } from "../../../src/io/onnx/encode.ts";
import { OnnxExportError } from "../../../src/io/onnx/errors.ts";
import type { OnnxGraph } from "../../../src/io/onnx/graph.ts";

const source = { op: "conv2d", module: "conv1" };
const graph: OnnxGraph = {
  name: "Tiny",
  input: { name: "images", shape: ["batch", 3, 8, 8] },
  output: { name: "logits", shape: ["2*batch", 10] },
  nodes: [
    {
      name: "conv1/Conv",
      operator: "Conv",
      inputs: ["images", "conv1.weight", ""],
      output: "logits",
      attributes: { strides: [2, -1], group: 300, epsilon: { float: 1e-5 }, approximate: "tanh" },
      source,
    },
  ],
  tensors: new Map([
    ["conv1.weight", { shape: [1, 2], data: Float32Array.of(1.5, Number.NaN) }],
    ["double", { shape: [3], data: Float64Array.of(0.1, -0, -Infinity) }],
    ["shape", { shape: [4], data: [0, -1, 2 ** 31 - 1, 2 ** 53 - 1] }],
    ["scalar", { shape: [], data: Float32Array.of(-2.5) }],
  ]),
  shapes: new Map(),
};

const decoded = (bytes: Uint8Array): onnx.ModelProto => onnx.ModelProto.decode(bytes);
const model = decoded(encodeModel(graph, { opset: 18, producerVersion: "1.2.3" }));
const raw = (name: string): DataView => {
  const { rawData } = model.graph!.initializer!.find((t) => t.name === name)!;
  return new DataView(rawData!.buffer, rawData!.byteOffset, rawData!.byteLength);
};

describe("a small graph", () => {
  it("the model: versions and producer", () => {
    expect(Number(model.irVersion)).toBe(8);
    expect(model.producerName).toBe("skipstone");
    expect(model.producerVersion).toBe("1.2.3");
    expect(model.opsetImport.map(({ domain, version }) => [domain, Number(version)])).toEqual([["", 18]]);
  });

  it("the graph: name, input and output with their shapes", () => {
    const shown = ({ name, type }: onnx.IValueInfoProto): unknown => [
      name,
      type?.tensorType?.elemType,
      type?.tensorType?.shape?.dim?.map(({ dimParam, dimValue }) => dimParam || Number(dimValue)),
    ];
    expect(model.graph?.name).toBe("Tiny");
    expect(model.graph?.input?.map(shown)).toEqual([["images", onnx.TensorProto.DataType.FLOAT, ["batch", 3, 8, 8]]]);
    expect(model.graph?.output?.map(shown)).toEqual([["logits", onnx.TensorProto.DataType.FLOAT, ["2*batch", 10]]]);
  });

  it("a node: names, and attributes of every type", () => {
    const [node] = model.graph!.node!;
    const { INT, INTS, FLOAT, STRING } = onnx.AttributeProto.AttributeType;
    expect([node.name, node.opType, node.input, node.output]).toEqual([
      "conv1/Conv",
      "Conv",
      ["images", "conv1.weight", ""],
      ["logits"],
    ]);
    expect(node.attribute?.map(({ name, type }) => [name, type])).toEqual([
      ["strides", INTS],
      ["group", INT],
      ["epsilon", FLOAT],
      ["approximate", STRING],
    ]);
    const [strides, group, epsilon, approximate] = node.attribute!;
    expect(strides.ints?.map(Number)).toEqual([2, -1]);
    expect(Number(group.i)).toBe(300);
    expect(epsilon.f).toBe(Math.fround(1e-5));
    expect(new TextDecoder().decode(approximate.s!)).toBe("tanh");
  });

  it("tensors: float32 (also of float64 values) and int64, little-endian, with their shapes", () => {
    const { FLOAT, INT64 } = onnx.TensorProto.DataType;
    const shown = model.graph!.initializer!.map(({ name, dataType, dims }) => [name, dataType, dims?.map(Number)]);
    expect(shown).toEqual([
      ["conv1.weight", FLOAT, [1, 2]],
      ["double", FLOAT, [3]],
      ["shape", INT64, [4]],
      ["scalar", FLOAT, []],
    ]);
    expect([0, 4].map((at) => raw("conv1.weight").getFloat32(at, true))).toEqual([1.5, Number.NaN]);
    expect([0, 4, 8].map((at) => raw("double").getFloat32(at, true))).toEqual([Math.fround(0.1), -0, -Infinity]);
    expect([0, 8, 16, 24].map((at) => raw("shape").getBigInt64(at, true))).toEqual([
      0n,
      -1n,
      2n ** 31n - 1n,
      2n ** 53n - 1n,
    ]);
    expect(raw("scalar").getFloat32(0, true)).toBe(-2.5);
  });

  it("no producer's version where none is given", () => {
    expect(decoded(encodeModel(graph, { opset: 17 })).producerVersion).toBe("");
  });

  it("the same graph gives the same bytes", () => {
    expect(encodeModel(graph, { opset: 17 })).toEqual(encodeModel(graph, { opset: 17 }));
  });
});

describe("a file that cannot be", () => {
  it("more than 2 GiB: an error before anything is written", () => {
    // Memory that nobody touches is not used.
    const tensors = new Map([["huge", { shape: [2 ** 29], data: new Float32Array(2 ** 29) }]]);
    const call = (): unknown => encodeModel({ ...graph, tensors }, { opset: 17 });
    expect(call).toThrow(OnnxExportError);
    expect(call).toThrow(
      /^exportOnnx: the file would have 2147483\d+ bytes, but a protocol buffer has at most 2147483647/,
    );
  });
});

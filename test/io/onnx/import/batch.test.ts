/** importOnnx, anyBatch: a file for one batch size takes others where its nodes do, and an error says where they do not. */
import { expect, it } from "vitest";
import { importOnnx } from "../../../../src/io/index.ts";
import { exportOnnx } from "../../../../src/io/onnx/index.ts";
import { cifarResNet } from "../../../../src/resnet/index.ts";
import { randn, tensor } from "../../../../src/tensor/create.ts";
import { Rng } from "../../../../src/tensor/rng.ts";
import { build } from "./build.ts";

const model = cifarResNet(8, { width: 2, rng: new Rng(0) }).eval();
const fixed = exportOnnx(model, { inputShape: [3, 8, 8], dynamicBatch: false });
const images = randn([5, 3, 8, 8], new Rng(1));

it("a network's own file: the outputs of the network, and it can be trained and exported for any batch", () => {
  expect(() => importOnnx(fixed).forward(images)).toThrow(
    /the file fixes the batch; import it with { anyBatch: true }/,
  );
  const read = importOnnx(fixed, { anyBatch: true });
  const [got, expected] = [read.forward(images).data, model.forward(images).data];
  got.forEach((v, i) => {
    expect(v).toBeCloseTo(expected[i], 4);
  });
  const again = importOnnx(exportOnnx(read, { inputShape: [3, 8, 8] }));
  expect(again.forward(images).shape).toEqual([5, 10]);
});

it("a file that takes any batch needs no trial", () => {
  const free = exportOnnx(model, { inputShape: [3, 8, 8] });
  expect(importOnnx(free, { anyBatch: true }).forward(images).shape).toEqual([5, 10]);
});

it("a node with the file's batch in it, and one that mixes the examples: errors, when the file is read", () => {
  const reshaping = build({
    inputShape: [2, 4],
    nodes: [{ operator: "Reshape", inputs: ["x", "shape"] }],
    tensors: { shape: [2, 2, 2] },
  });
  expect(
    importOnnx(reshaping).forward(
      tensor([
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ]),
    ).shape,
  ).toEqual([2, 2, 2]);
  expect(() => importOnnx(reshaping, { anyBatch: true })).toThrow(
    /anyBatch: the file is for batches of 2, and its nodes do not compute 3: node .*Reshape/,
  );
  const mixing = build({
    inputShape: [2, 4],
    nodes: [
      { operator: "ReduceMean", inputs: ["x"], attributes: { axes: [0], keepdims: 1 } },
      { operator: "Sub", inputs: ["x", "y0"] },
    ],
    opset: 13,
  });
  expect(() => importOnnx(mixing, { anyBatch: true })).toThrow(/do not compute 3: the results differ/);
});

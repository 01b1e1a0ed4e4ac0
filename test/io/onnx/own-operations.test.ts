/** Operations of one's own in a file: written down by exporters that are given. */
import { describe, expect, it } from "vitest";
import { defineOperation, mul, sigmoid } from "../../../src/autograd/index.ts";
import { exportOnnx, type OnnxExportOptions, type OnnxOperator } from "../../../src/io/onnx/index.ts";
import { randn, tensor } from "../../../src/tensor/create.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { Apply } from "./apply.ts";
import { difference, openOnnx } from "./runtime.ts";

describe("operations of one's own", () => {
  const swish = defineOperation({
    name: "mine.swish",
    forward: (x: Tensor, beta: number) => mul(x, sigmoid(mul(x, beta))),
    backward: (gy) => [gy, null],
  });
  const network = new Apply((x) => swish(x, 1.5));
  const x = randn([2, 3], new Rng(3));
  const withSwish = (operator: OnnxOperator, options: OnnxExportOptions = { example: x }): Uint8Array =>
    exportOnnx(network, { ...options, operators: { "mine.swish": operator } });

  it("are written by the exporter that is given", async () => {
    const bytes = withSwish((graph, { inputs: [x], attributes: [beta], shape }) => {
      expect(shape[1]).toBe(3);
      const scaled = graph.node("Mul", [x, graph.scalar(beta as number)]);
      return graph.node("Mul", [x, graph.node("Sigmoid", [scaled])]);
    });
    const runner = await openOnnx(bytes);
    for (const batch of [1, 4]) {
      const x = randn([batch, 3], new Rng(batch));
      expect(difference(await runner.run(x), network.forward(x))).toBeLessThan(1e-6);
    }
  });

  it("with constants of every kind, and attributes", async () => {
    const bytes = withSwish((graph, { inputs: [x], shape }) => {
      const rows = graph.node("Reshape", [x, graph.lengths([3 * shape[0]])]);
      const moved = graph.node("Gather", [graph.node("Reshape", [rows, graph.ints([-1, 3])]), graph.ints([2, 0, 1])], {
        axis: 1,
      });
      return graph.node("Add", [moved, graph.floats(Float32Array.of(1, 2, 3), [3])]);
    });
    const y = await (await openOnnx(bytes)).run(tensor([[1, 2, 3]]));
    expect(Array.from(y.data)).toEqual([3 + 1, 1 + 2, 2 + 3]);
  });

  it("without one are named, with what to write", () => {
    expect(() => exportOnnx(network, { example: x })).toThrow(
      'exportOnnx: mine.swish in the network itself: there is no exporter for it: exportOnnx takes one as operators: { "mine.swish":',
    );
  });

  it.each<[string, RegExp, () => unknown]>([
    [
      "what is no name",
      /^exportOnnx: mine\.swish in the network itself: its exporter must return the name of a value, got 7/,
      () => withSwish(() => 7 as never),
    ],
    [
      "a name of nothing",
      /its exporter must return the name of a value, got "nothing"/,
      () => withSwish(() => "nothing"),
    ],
    [
      "a number taken from the batch",
      /^exportOnnx: mine\.swish .*: a constant is \[\] 1 for a batch of 1 and \[\] 3/,
      () => withSwish((graph, { inputs: [x], shape }) => graph.node("Mul", [x, graph.scalar(shape[0])])),
    ],
    [
      "an exporter that is none",
      /^exportOnnx: operators\["mine.swish"\] must be a function that writes nodes, got null/,
      () => withSwish(null as never),
    ],
    [
      "another exporter for the library's",
      /^exportOnnx: operators must be for operations of your own, got "relu"/,
      () => exportOnnx(network, { example: x, operators: { relu: () => "" } }),
    ],
  ])("refuses %s", (_, message, call) => {
    expect(call).toThrow(message);
  });
});

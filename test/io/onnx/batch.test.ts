/** One file for batches of every size: what follows the batch, and what was taken from one input and cannot. */
import { describe, expect, it } from "vitest";
import {
  add,
  argmax,
  batchNorm,
  concat,
  cumsum,
  detach,
  div,
  einsum,
  expand,
  flatten,
  groupNorm,
  indexSelect,
  linear,
  matmul,
  mean,
  mul,
  pad,
  relu,
  reshape,
  slice,
  squeeze,
  stack,
  sum,
  transpose,
  unsqueeze,
  variance,
} from "../../../src/autograd/index.ts";
import { exportOnnx, OnnxExportError, type OnnxExportOptions } from "../../../src/io/onnx/index.ts";
import { inShape, lengthThrough } from "../../../src/io/onnx/lengths.ts";
import { ones, randn, tensor, zeros } from "../../../src/tensor/create.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import type { Shape } from "../../../src/tensor/shape.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { Apply } from "./apply.ts";
import { type Decoded, decode } from "./decode.ts";
import { difference, openOnnx } from "./runtime.ts";

const rng = new Rng(5);
const weight = randn([4, 6], rng);
/** Two more examples before, one behind. */
const PADS = [
  [2, 1],
  [0, 0],
] as const;
const token = randn([1, 3], rng, { requiresGrad: true });

function exported(f: (x: Tensor) => Tensor, inputShape: Shape, options: OnnxExportOptions = {}): Decoded {
  return decode(exportOnnx(new Apply(f), { inputShape, ...options }));
}

describe("lengths", () => {
  it.each<[p: number, q: number, expected: string | number]>([
    [7, 7, 7],
    [1, 3, "batch"],
    [4, 12, "4*batch"],
    [2, 4, "batch + 1"],
    [5, 9, "2*batch + 3"],
  ])("%i for a batch of 1 and %i for 3", (p, q, expected) => {
    expect(inShape(lengthThrough(p, [q], [{ axis: 0, from: 1, to: 3 }])!)).toBe(expected);
  });

  it.each<[p: number, q: number, why: string]>([
    [1, 9, "n²"],
    [1, 2, "⌈n/2⌉"],
    [0, 1, "⌊n/2⌋"],
    [0, 2, "n − 1"],
    [3, 1, "4 − n"],
  ])("%i for a batch of 1 and %i for 3, as %s: none", (p, q) => {
    expect(lengthThrough(p, [q], [{ axis: 0, from: 1, to: 3 }])).toBeUndefined();
  });
});

describe("networks that take every batch", () => {
  it.each<[name: string, shape: Shape, f: (x: Tensor) => Tensor, output: (number | string)[]]>([
    ["attention by einsum", [3, 4], (x) => einsum("nqd,nkd->nqk", x, x), ["batch", 3, 3]],
    ["Gram matrices by einsum", [3, 2, 4], (x) => einsum("nchw,ndhw->ncd", x, x), ["batch", 3, 3]],
    ["running sums", [3, 4], (x) => cumsum(x, 0), ["batch", 3, 4]],
    ["flattened, with a linear layer", [2, 3], (x) => linear(flatten(x, 1), weight), ["batch", 4]],
    ["all in one axis", [2, 3], (x) => flatten(x), ["6*batch"]],
    ["with an axis split off the batch's", [4, 3], (x) => reshape(flatten(x), [2, -1, 3]), [2, "2*batch", 3]],
    ["batch axis moved", [2, 3], (x) => transpose(x, 0, 2), [3, 2, "batch"]],
    ["reduced over the batch", [3], (x) => add(x, mean(x, 0)), ["batch", 3]],
    ["its own biased variance", [3], (x) => div(x, variance(x, 0, { correction: 0 })), ["batch", 3]],
    ["stacked", [3], (x) => stack([x, relu(x)], 1), ["batch", 2, 3]],
    ["one more example", [3], (x) => concat([x, token]), ["batch + 1", 3]],
    ["padded along the batch", [3], (x) => pad(x, PADS), ["batch + 3", 3]],
    ["every second column", [6], (x) => slice(x, [null, [1, null, 2]]), ["batch", 3]],
    ["cut to its own length", [3], (x) => slice(concat([x, x]), [[0, x.shape[0]]]), ["batch", 3]],
    ["the second half", [3], (x) => slice(concat([x, x]), [[x.shape[0], null]]), ["batch", 3]],
    ["a token for each example", [3], (x) => concat([expand(token, x.shape), x], 1), ["batch", 6]],
    [
      "as many tokens and one more",
      [3],
      (x) => add(sum(x), expand(token, [2 * x.shape[0] + 1, 3])),
      ["2*batch + 1", 3],
    ],
    ["every pair of examples", [3], (x) => unsqueeze(matmul(x, transpose(x, 0, 1)), 1), ["batch", 1, "batch"]],
    ["group norm", [4, 3, 3], (x) => groupNorm(x, 2), ["batch", 4, 3, 3]],
    [
      "batch norm by the batch's own statistics",
      [4, 3, 3],
      (x) => batchNorm(x, ones([4]), null, { training: true }),
      ["batch", 4, 3, 3],
    ],
    ["nothing, in another shape", [3], (x) => reshape(slice(x, [null, [0, 0]]), [0, x.shape[0]]), [0, "batch"]],
    ["the input itself", [3], (x) => x, ["batch", 3]],
  ])("%s", async (_, shape, f, output) => {
    const { bytes, graph } = exported(f, shape);
    expect(graph.input.shape).toEqual(["batch", ...shape]);
    expect(graph.output.shape).toEqual(output);
    const runner = await openOnnx(bytes);
    for (const batch of [1, 2, 3, 8]) {
      const x = randn([batch, ...shape], new Rng(batch));
      // Sums of a few numbers in float32.
      expect(difference(await runner.run(x), f(x)), `batch ${batch}`).toBeLessThan(1e-6);
    }
  });

  it("a reshape that the batch can be left out of asks for no shape at run time", () => {
    const { graph } = exported((x) => reshape(x, [x.shape[0], 3, 2]), [6]);
    expect(graph.nodes.map(({ operator }) => operator)).toEqual(["Reshape"]);
    expect(graph.tensors["constant"].data).toEqual([-1, 3, 2]);
  });
});

describe("a batch of one size", () => {
  it("has its length in the shapes, and may be used as a number", async () => {
    const example = randn([5, 3], rng);
    const average = (x: Tensor): Tensor => mul(sum(x, 0, { keepDim: true }), 1 / x.shape[0]);
    const { bytes, graph } = decode(exportOnnx(new Apply(average), { example, dynamicBatch: false }));
    expect([graph.input.shape, graph.output.shape]).toEqual([
      [5, 3],
      [1, 3],
    ]);
    expect(difference(await (await openOnnx(bytes)).run(example), average(example))).toBeLessThan(1e-6);
  });

  it("is one, where only the shape of one example is known", () => {
    expect(exported(relu, [3], { dynamicBatch: false }).graph.input.shape).toEqual([1, 3]);
  });

  it("its numbers are no constants either", () => {
    const call = (): unknown =>
      exported((x) => mul(x, detach(mean(x, 1, { keepDim: true }))), [3], { dynamicBatch: false });
    expect(call).toThrow(
      /^exportOnnx: mul in the network itself: a constant is \[1,1\] \S+ for one input and \[1,1\] \S+ for another: the file would hold a value taken from one input$/,
    );
  });
});

describe("what was taken from the input is an error that names it", () => {
  it.each<[name: string, f: (x: Tensor) => Tensor, message: RegExp]>([
    [
      "the size of the batch in a number",
      (x) => mul(sum(x, 0), 1 / x.shape[0]),
      /^exportOnnx: mul in the network itself: a constant is \[\] 1 for a batch of 1 and \[\] 0.333333 for a batch of 3: the file would hold a value taken from one input; if only the batch size matters, export with dynamicBatch: false$/,
    ],
    [
      "in a divisor",
      (x) => variance(x, 0, { correction: 2 }),
      /variance in the network itself: a constant is \[\] 0 .* and \[\] 1 /,
    ],
    [
      "in the shape of a constant",
      (x) => add(x, zeros(x.shape)),
      /add .*: a constant is \[1,4\] 0, 0, 0, 0 for a batch of 1 and \[3,4\] 0, 0, 0, 0, … /,
    ],
    [
      "in a loop",
      (x) => stack(Array.from({ length: x.shape[0] }, () => relu(x))),
      /stack .*: the operator is Unsqueeze.* and Relu/,
    ],
    ["in the rank", (x) => reshape(x, x.shape[0] === 1 ? [4] : [4, 3]), /reshape .*: lengths are \[4\] .* and \[4,3\]/],
    [
      "in the axes that are left",
      (x) => squeeze(x),
      /squeeze .*: lengths are \[4\] for a batch of 1 and \[3,4\] for a batch of 3/,
    ],
    [
      "in an attribute",
      (x) => relu(transpose(x, 0, x.shape[0] === 1 ? 0 : 1)),
      /transpose .*: the operator is Transpose\(input\) {"perm":\[0,1\]} for a batch of 1 and Transpose\(input\) {"perm":\[1,0\]}/,
    ],
    [
      "squared",
      (x) => flatten(matmul(x, transpose(x, 0, 1))),
      /flatten .*: lengths are \[1\] for a batch of 1 and \[9\]/,
    ],
    [
      "an index that was found",
      (x) => indexSelect(x, 1, argmax(x, 1).data),
      /indexSelect .*: a constant is \[1\] \d for a batch of 1 and \[3\]/,
    ],
    ["values outside the graph", (x) => add(x, tensor([x.data[0]])), /add .*: a constant is \[1\]/],
    [
      "an operation less",
      (x) => (x.shape[0] === 1 ? x : relu(x)),
      /the operator is Identity\(input\) for a batch of 1 and Relu/,
    ],
  ])("%s", (_, f, message) => {
    const call = (): unknown => exported(f, [4]);
    expect(call).toThrow(OnnxExportError);
    expect(call).toThrow(message);
  });
});

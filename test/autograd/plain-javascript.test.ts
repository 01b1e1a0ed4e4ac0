/** What TypeScript refuses in the operations and in making tensors: an error of the library that names the operation. */
import { describe, expect, it } from "vitest";
import * as S from "../../src/index.ts";

const x = S.tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const images = S.zeros([1, 2, 4, 4]);
const filters = S.zeros([2, 2, 3, 3]);
const noGrads = new S.Gradients(new Map());

/** Values that are of a wrong kind wherever true or false, or a number, or an array of numbers belongs. */
const noFlags: readonly unknown[] = [null, 1, "false", [], Number.NaN];
const noNumbers: readonly unknown[] = [null, "1", true, [], {}, 1n, Symbol("s"), () => 1];
const noArrays: readonly unknown[] = [null, undefined, 2, "12", true, {}, 1n, Symbol("s"), () => 1, new Map(), ["1"]];

/** A call with one wrong argument, by what it is called with. */
type Call = (wrong: never) => unknown;

const flags: Record<string, Call> = {
  "tensor: requiresGrad": (requiresGrad) => S.tensor([1], { requiresGrad }),
  "zeros: requiresGrad": (requiresGrad) => S.zeros([1], { requiresGrad }),
  "randn: requiresGrad": (requiresGrad) => S.randn([1], new S.Rng(0), { requiresGrad }),
  "eye: requiresGrad": (requiresGrad) => S.eye(2, { requiresGrad }),
  "sum: keepDim": (keepDim) => S.sum(x, 1, { keepDim }),
  "prod: keepDim": (keepDim) => S.prod(x, 1, { keepDim }),
  "min: keepDim": (keepDim) => S.min(x, 1, { keepDim }),
  "minWithIndices: keepDim": (keepDim) => S.minWithIndices(x, 1, { keepDim }),
  "maxWithIndices: keepDim": (keepDim) => S.maxWithIndices(x, 1, { keepDim }),
  "std: keepDim": (keepDim) => S.std(x, 1, { keepDim }),
  "maxPool2d: ceilMode": (ceilMode) => S.maxPool2d(images, { kernelSize: 2, ceilMode }),
  "avgPool2d: countIncludePad": (countIncludePad) => S.avgPool2d(images, { kernelSize: 2, countIncludePad }),
  "dropout: training": (training) => S.dropout(x, 0.5, { training, rng: new S.Rng(0) }),
  "debugMemory: its argument": (on) => S.debugMemory(on),
};

const numbers: Record<string, Call> = {
  "variance: correction": (correction) => S.variance(x, 1, { correction }),
  "crossEntropy: labelSmoothing": (labelSmoothing) => S.crossEntropy(x, [0, 1], { labelSmoothing }),
  "dropout: p": (p) => S.dropout(x, p, { rng: new S.Rng(0) }),
  "cumsum: axis": (axis) => S.cumsum(x, axis),
  "softmax: axis": (axis) => S.softmax(x, axis),
  "transpose: axis": (axis) => S.transpose(x, 0, axis),
  "indexSelect: axis": (axis) => S.indexSelect(x, axis, [0]),
  "arange: needs finite numbers": (step) => S.arange(0, 4, step),
  "eye: axis lengths": (n) => S.eye(n),
  "conv2d: stride": (stride) => S.conv2d(images, filters, null, { stride }),
  "conv2d: padding": (padding) => S.conv2d(images, filters, null, { padding }),
  "conv2d: groups": (groups) => S.conv2d(images, filters, null, { groups }),
  "conv1d: stride": (stride) => S.conv1d(S.zeros([1, 2, 4]), S.zeros([2, 2, 3]), null, { stride }),
  "convTranspose2d: stride": (stride) => S.convTranspose2d(images, filters, null, { stride }),
  "convTranspose2d: groups": (groups) => S.convTranspose2d(images, filters, null, { groups }),
  "interpolate: size": (size) => S.interpolate(images, { size }),
  "interpolate: scaleFactor": (scaleFactor) => S.interpolate(images, { scaleFactor }),
  "maxPool2d: kernelSize": (kernelSize) => S.maxPool2d(images, { kernelSize }),
  "avgPool2d: padding": (padding) => S.avgPool2d(images, { kernelSize: 2, padding }),
  "adaptiveAvgPool2d: outputSize": (outputSize) => S.adaptiveAvgPool2d(images, outputSize),
  "gradcheck: directions": (directions) => S.gradcheck((t) => S.mul(t, t), [x], { directions }),
  "batchNorm: momentum": (momentum) => S.batchNorm(images, null, null, { training: true, momentum }),
  "layerNorm: eps": (eps) => S.layerNorm(x, [3], null, null, { eps }),
  "instanceNorm: eps": (eps) => S.instanceNorm(images, null, null, { eps }),
  "gradcheck: epsilon": (epsilon) => S.gradcheck((t) => S.mul(t, t), [x], { epsilon }),
};

const arrays: Record<string, Call> = {
  "reshape: ": (shape) => S.reshape(x, shape),
  "expand: ": (shape) => S.expand(x, shape),
  "permute: ax": (axes) => S.permute(x, axes),
  "slice: ": (ranges) => S.slice(x, ranges),
  "pad: ": (pads) => S.pad(x, pads),
  "indexSelect: ": (index) => S.indexSelect(x, 0, index),
  "gather: ": (index) => S.gather(x, 0, index),
  "gradcheck: inputs": (inputs) => S.gradcheck((t) => S.mul(t, t), inputs),
  "clipGradNorm: parameters": (parameters) => S.clipGradNorm(noGrads, parameters, 1),
  "gradNorm: parameters": (parameters) => S.gradNorm(noGrads, parameters),
};

const others: Record<string, [Call, readonly unknown[]]> = {
  "useKernels: takes": [S.useKernels, [null, undefined, "plian", true, {}, () => 1]],
  "parameter: a parameter": [S.parameter, [null, [1, 2], {}, new Float32Array(2)]],
  "buffer: a buffer": [S.buffer, [null, [1, 2], {}, new Float32Array(2)]],
  "checkpoint: fn": [S.checkpoint, [undefined, 1, {}]],
  "CheckpointedSequential: layers": [(layers) => new S.CheckpointedSequential(layers as never), [undefined, 1, {}]],
  "CheckpointedSequential: segments": [
    (n) => new S.CheckpointedSequential([new S.ReLU()], n as never),
    [0, 2, 1.5, "1", null],
  ],
  "tap: look": [(look) => S.tap(x, look), [undefined, 1, {}]],
  "observe: observer": [(observer) => S.observe(new S.ReLU(), observer, () => 1), [undefined, {}, "all"]],
  "copyState: takes a model": [S.copyState, [null, undefined, {}, x]],
  "nodesBefore: root": [S.nodesBefore, [null, 3, {}]],
  "graphToDot: names": [(names) => S.graphToDot(x, names), [null, {}, []]],
  "batchNorm: eps": [(eps) => S.batchNorm(images, null, null, { training: true, eps }), [-1, Infinity, "1"]],
  "gradNorm: takes the gradients": [(grads) => S.gradNorm(grads, [x]), [null, new Map(), {}]],
  "gradcheck: there is no option": [
    (option) => S.gradcheck((t) => S.mul(t, t), [x], { [option]: 1e-3 }),
    ["eps", "direction"],
  ],
  "gradcheck: f must return a tensor": [(y) => S.gradcheck(() => y, [x]), [undefined, 1, [x]]],
};

const table: [string, Call, readonly unknown[]][] = [
  ...Object.entries(flags).map(([name, call]) => [name, call, noFlags] as [string, Call, readonly unknown[]]),
  ...Object.entries(numbers).map(([name, call]) => [name, call, noNumbers] as [string, Call, readonly unknown[]]),
  ...Object.entries(arrays).map(([name, call]) => [name, call, noArrays] as [string, Call, readonly unknown[]]),
  ...Object.entries(others).map(([name, [call, values]]) => [name, call, values] as [string, Call, readonly unknown[]]),
];

describe.each(["plain", "simd"] as const)("%s", (tier) => {
  it.each(table)("%s", (name, call, values) => {
    const before = S.useKernels(tier);
    try {
      for (const wrong of values) {
        const run = (): unknown => call(wrong as never);
        expect(run, String(wrong)).toThrow(S.SkipstoneError);
        expect(run, String(wrong)).toThrow(name);
      }
    } finally {
      S.useKernels(before);
    }
  });
});

it("what is right is still taken", () => {
  expect(S.batchNorm(images, undefined as never, undefined as never, { training: true }).shape).toEqual(images.shape);
  expect(S.eye(2, { requiresGrad: true }).requiresGrad).toBe(true);
  expect(S.slice(x, [null, [null, 2]]).shape).toEqual([2, 2]);
  expect(S.indexSelect(x, 1, Int32Array.of(2, 0)).toArray()).toEqual([
    [3, 1],
    [6, 4],
  ]);
  expect(S.gather(x, 1, S.argmax(x, 1, { keepDim: true })).toArray()).toEqual([[3], [6]]);
  expect(S.isResidualBlock(null as never)).toBe(false);
});

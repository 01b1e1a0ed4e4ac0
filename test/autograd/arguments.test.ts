/**
 * Everything from plain JavaScript is checked as TypeScript checks it: every operation, with what is no tensor in each place,
 * with options that do not exist and options that are no object.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as autograd from "../../src/autograd/index.ts";
import { tensor, zeros } from "../../src/tensor/create.ts";
import { SkipstoneError, UsageError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { isTensor } from "../../src/tensor/tensor.ts";
import { UNARY_OPS } from "../support/unary.ts";

type Call = (...args: never[]) => unknown;

interface Valid {
  /** Arguments of a call that works. */
  readonly args: readonly unknown[];
  /** Where the options stand, if there are some, and their names. */
  readonly options?: readonly [number, ...string[]];
}

const x = tensor(
  [
    [1, 2],
    [3, 4],
  ],
  { requiresGrad: true },
);
const image = zeros([1, 2, 4, 4]);
const channels = zeros([2]);
const reduction: Valid = { args: [x, 1], options: [2, "keepDim"] };
const spread: Valid = { args: [x, 1], options: [2, "keepDim", "correction"] };
const one: Valid = { args: [x] };
const two: Valid = { args: [x, x] };
const loss: Valid = { args: [x, x], options: [2, "reduction"] };

const valid: Record<string, Valid> = {
  ...Object.fromEntries([...UNARY_OPS.filter((op) => op in autograd), "detach"].map((op) => [op, one])),
  ...Object.fromEntries(
    "add sub mul div pow maximum minimum eq ne lt le gt ge matmul".split(" ").map((op) => [op, two]),
  ),
  ...Object.fromEntries("sum mean prod max min logsumexp".split(" ").map((op) => [op, reduction])),
  ...Object.fromEntries("maxWithIndices minWithIndices argmax argmin".split(" ").map((op) => [op, reduction])),
  cumsum: { args: [x, 1] },
  topK: { args: [x, 1], options: [2, "axis", "largest"] },
  einsum: { args: ["ij,jk->ik", x, x] },
  globalAvgPool2d: { args: [image] },
  variance: spread,
  std: spread,
  leakyRelu: { args: [x, 0.1] },
  elu: { args: [x, 0.5] },
  gelu: { args: [x], options: [1, "approximate"] },
  softplus: { args: [x], options: [1, "beta", "threshold"] },
  clamp: { args: [x, 0, 1] },
  where: { args: [x, x, x] },
  linear: { args: [x, x, channels] },
  conv2d: {
    args: [image, zeros([3, 2, 3, 3]), null],
    options: [3, "stride", "padding", "dilation", "groups", "algorithm"],
  },
  conv1d: {
    args: [zeros([1, 2, 5]), zeros([3, 2, 3]), null],
    options: [3, "stride", "padding", "dilation", "groups"],
  },
  convTranspose2d: {
    args: [image, zeros([2, 3, 3, 3]), null],
    options: [3, "stride", "padding", "outputPadding", "dilation", "groups"],
  },
  interpolate: {
    args: [image, { scaleFactor: 2 }],
    options: [1, "size", "scaleFactor", "mode", "alignCorners"],
  },
  maxPool2d: {
    args: [image, { kernelSize: 2 }],
    options: [1, "kernelSize", "stride", "padding", "dilation", "ceilMode"],
  },
  avgPool2d: {
    args: [image, { kernelSize: 2 }],
    options: [1, "kernelSize", "stride", "padding", "ceilMode", "countIncludePad"],
  },
  adaptiveAvgPool2d: { args: [image, 2] },
  batchNorm: {
    args: [image, channels, channels, { training: true }],
    options: [3, "training", "runningMean", "runningVar", "momentum", "eps"],
  },
  layerNorm: { args: [x, [2], channels, channels], options: [4, "eps"] },
  groupNorm: { args: [image, 2, channels, channels], options: [4, "eps"] },
  instanceNorm: { args: [image, channels, channels], options: [3, "eps"] },
  softmax: { args: [x, 1] },
  logSoftmax: { args: [x, 1] },
  dropout: { args: [x, 0.5, { rng: new Rng(1) }], options: [2, "training", "rng"] },
  crossEntropy: { args: [x, [0, 1]], options: [2, "weight", "ignoreIndex", "reduction", "labelSmoothing"] },
  nllLoss: { args: [x, [0, 1]], options: [2, "weight", "ignoreIndex", "reduction"] },
  mseLoss: loss,
  l1Loss: loss,
  huberLoss: loss,
  smoothL1Loss: loss,
  klDivLoss: loss,
  bceWithLogits: { args: [x, x], options: [2, "weight", "posWeight", "reduction"] },
  transpose: { args: [x, 0, 1] },
  permute: { args: [x, [1, 0]] },
  reshape: { args: [x, [4]] },
  flatten: { args: [x] },
  squeeze: { args: [x] },
  unsqueeze: { args: [x, 0] },
  slice: { args: [x, [[0, 1]]] },
  concat: { args: [[x, x], 0] },
  stack: { args: [[x, x], 0] },
  pad: {
    args: [
      x,
      [
        [0, 0],
        [1, 1],
      ],
      0,
    ],
  },
  indexSelect: { args: [x, 0, [1]] },
  gather: { args: [x, 0, { data: [0, 1], shape: [1, 2] }] },
  expand: { args: [x, [3, 2, 2]] },
  tap: { args: [x, () => {}] },
};

/** Functions of the layer that are no operations on tensors. */
const others = new Set(
  "AutogradError Gradients backward checkpoint defineOperation gradcheck graphToDot noGrad nodesBefore valueAndGrad".split(
    " ",
  ),
);

const call = (op: string, args: readonly unknown[]): unknown =>
  (autograd as unknown as Record<string, Call>)[op](...(args as never[]));

it("every operation has a valid call here", () => {
  expect(
    Object.keys(autograd)
      .filter((op) => !others.has(op))
      .sort(),
  ).toEqual(Object.keys(valid).sort());
  for (const [op, { args }] of Object.entries(valid)) expect(call(op, args), op).toBeDefined();
});

/** Operations whose second tensor must be there. */
const twoTensors = new Set(
  "add sub mul div pow maximum minimum eq ne lt le gt ge where matmul linear conv2d conv1d mseLoss l1Loss huberLoss smoothL1Loss klDivLoss bceWithLogits".split(
    " ",
  ),
);

/** What is neither a tensor nor a number. */
const anything = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    undefined,
    true,
    "x",
    [],
    {},
    [1, 2],
    Float32Array.of(1),
    { shape: [1], data: [1] },
    () => 1,
  ),
  fc.string(),
  fc.object(),
);

describe.each(Object.entries(valid))("%s", (op, { args, options }) => {
  it("what is no tensor, in the place of one", () => {
    const places = args.flatMap((arg, i) => (isTensor(arg) ? [i] : []));
    fc.assert(
      fc.property(fc.constantFrom(...(places.length > 0 ? places : [0])), anything, (place, value) => {
        // Labels may be a list of numbers; weight and bias null.
        if (place === 1 && (op === "crossEntropy" || op === "nllLoss")) return;
        if (value == null && (place > 1 || (place === 1 && !twoTensors.has(op)))) return;
        const wrong = args.map((arg, i) => (i === place ? value : arg));
        expect(() => call(op, wrong)).toThrow(SkipstoneError);
        expect(() => call(op, wrong)).toThrow(new RegExp(`^${op}: `));
      }),
      { numRuns: 40 },
    );
  });

  it("anything in the place of another argument: an error that says so, or a whole tensor", () => {
    const places = args.flatMap((arg, i) => (isTensor(arg) || i === options?.[0] ? [] : [i]));
    const values: unknown[] = [null, true, "x", "01", Number.NaN, 0.5, -7, 1n, [], [0.5], ["0"], [null], {}, () => 1];
    values.push(
      new Set([0]),
      new Map(),
      Symbol.iterator,
      x,
      Float32Array.of(0.5),
      { length: 1 },
      { data: [0], shape: [1] },
    );
    for (const place of places) {
      for (const value of values) {
        const name = `${place}: ${typeof value} ${Array.isArray(value) ? `[${value.map(String)}]` : String(value)}`;
        let y: unknown;
        try {
          y = call(
            op,
            args.map((arg, i) => (i === place ? value : arg)),
          );
        } catch (error) {
          expect(error, name).toBeInstanceOf(SkipstoneError);
          continue;
        }
        if (isTensor(y)) expect(y.data.length, name).toBe(y.shape.reduce((a, b) => a * b, 1));
      }
    }
  });

  if (!options) return;
  const [place, ...names] = options;
  it("options that do not exist, and what is no object of options", () => {
    const withOptions = (value: unknown): unknown[] => [
      ...args.slice(0, place),
      ...new Array(Math.max(0, place - args.length)).fill(undefined),
      value,
    ];
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (name) => {
        if (names.includes(name) || name in {}) return;
        const given = { ...(args[place] as object | undefined), [name]: 1 };
        expect(() => call(op, withOptions(given))).toThrow(UsageError);
        expect(() => call(op, withOptions(given))).toThrow(`${op}: there is no option "${name}"`);
      }),
      { numRuns: 20 },
    );
    for (const value of [2, "same", [1], null, () => 1]) {
      expect(() => call(op, withOptions(value)), `${value}`).toThrow(`${op}: options must be an object`);
    }
    for (const name of names) {
      const misspelt = name.replace(/([A-Z])/, "_$1").toLowerCase();
      if (misspelt === name) continue;
      expect(() => call(op, withOptions({ [misspelt]: 1 }))).toThrow(`did you mean "${name}"?`);
    }
  });
});

it("the slips of the README of other libraries", () => {
  const wrong: [() => unknown, string][] = [
    [
      () => call("maxPool2d", [image, 2]),
      "maxPool2d: options must be an object, { kernelSize, stride, padding, ceilMode, dilation }, got 2",
    ],
    [() => call("maxPool2d", [image]), "maxPool2d: needs options, such as { kernelSize: 2 }"],
    [
      () => call("sum", [x, { dim: 1 }]),
      "sum: axes must be a number or a list of numbers, got an object { dim }: sum(x, 1, { keepDim: true })",
    ],
    [() => call("conv2d", [image, zeros([3, 2, 3, 3]), null, 2]), "conv2d: options must be an object"],
    [
      () => call("conv2d", [image, zeros([3, 2, 3, 3]), null, { pading: 1 }]),
      'conv2d: there is no option "pading": did you mean "padding"?',
    ],
    [() => call("add", [x, [1, 2]]), "add: b must be a tensor, got an array of 2: tensor(…) makes one of it"],
    [
      () => call("crossEntropy", [x, [0, 1], { reduction: "avg" }]),
      'crossEntropy: reduction must be one of "mean", "sum", "none", got "avg"',
    ],
    [() => call("crossEntropy", [x, 1]), "crossEntropy: the labels must be a list of numbers or a tensor, got 1"],
    [() => call("leakyRelu", [x, "0.1"]), 'leakyRelu: slope must be a number, got "0.1"'],
    [() => call("clamp", [x, 0, "1"]), 'clamp: high must be a number, got "1"'],
    [() => call("clamp", [x, { min: 0 }, 1]), "clamp: low must be a number, got an object { min }"],
    [() => call("clamp", [x, { max: "1" }]), 'clamp: max must be a number, got "1"'],
    [() => call("clamp", [x, { low: 0 }]), 'clamp: there is no option "low"'],
    [() => call("clamp", [x, {}]), "clamp: at least one bound must be given"],
    [() => call("backward", [x, { retain_graph: true }]), 'backward: there is no option "retain_graph"'],
  ];
  for (const [fn, message] of wrong) expect(fn).toThrow(message);
});

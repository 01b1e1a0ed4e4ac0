/** Every operator, in ONNX Runtime and here: forms, defaults, and what changed from one opset to another. */
import { describe, expect, it } from "vitest";
import { backward, noGrad, sum } from "../../../../src/autograd/index.ts";
import { operators } from "../../../../src/io/onnx/import/operators/index.ts";
import { importOnnx } from "../../../../src/io/onnx/index.ts";
import { Rng, randn, type Shape, type Tensor, tensor, uniform } from "../../../../src/tensor/index.ts";
import { difference, openOnnx } from "../runtime.ts";
import { type AttributeValue, type Built, type BuiltNode, build } from "./build.ts";

/** Both compute in float32, and add in other orders. */
const TOLERANCE = 1e-5;

type Attributes = Readonly<Record<string, AttributeValue>>;
type Tensors = NonNullable<Built["tensors"]>;

const random = (...shape: number[]): Tensor => randn(shape, new Rng(shape.length));
const positive = (...shape: number[]): Tensor => uniform(shape, new Rng(shape.length), 0.5, 2);
const scalar = (value: number): Tensor => tensor(value);

interface Case extends Built {
  readonly name: string;
  /** Whether x is above 0. */
  readonly positive?: boolean;
}

/** One node that reads x and the tensors. */
function one(
  operator: string,
  inputShape: Shape,
  attributes: Attributes = {},
  tensors: Tensors = {},
  more: { opset?: number; positive?: boolean; inputs?: string[] } = {},
): Case {
  const { inputs = ["x", ...Object.keys(tensors)] } = more;
  const shown = Object.entries(attributes).map(([key, value]) => `${key} ${JSON.stringify(value)}`);
  const name = [operator, `[${inputShape}]`, ...shown, `opset ${more.opset ?? 17}`].join(" ");
  return { name, nodes: [{ operator, inputs, attributes }], tensors, inputShape, ...more };
}

const several = (
  name: string,
  inputShape: Shape,
  nodes: readonly BuiltNode[],
  tensors: Tensors = {},
  opset = 17,
): Case => ({
  name,
  nodes,
  tensors,
  inputShape,
  opset,
});

const image: Shape = [2, 4, 7, 6];
const rows: Shape = [3, 5];
const f = (float: number): { float: number } => ({ float });

const ELEMENTWISE: readonly Case[] = [
  ...[
    "Neg",
    "Exp",
    "Abs",
    "Sign",
    "Relu",
    "Sigmoid",
    "Tanh",
    "HardSwish",
    "Softplus",
    "Round",
    "Floor",
    "Ceil",
    "Identity",
  ].map((operator) => one(operator, rows)),
  ...["Sqrt", "Log", "Reciprocal"].map((operator) => one(operator, rows, {}, {}, { positive: true })),
  ...["Add", "Sub", "Mul", "Div", "Max", "Min"].map((operator) => one(operator, rows, {}, { b: random(3, 1) })),
  one("Pow", rows, {}, { b: scalar(2.5) }, { positive: true }),
  one("Sum", rows, {}, { b: random(5), c: random(3, 1) }),
  one("LeakyRelu", rows),
  one("LeakyRelu", rows, { alpha: f(0.3) }),
  one("PRelu", image, {}, { slope: random(4, 1, 1) }),
  one("Elu", rows),
  one("Elu", rows, { alpha: f(0.7) }),
  one("HardSigmoid", rows),
  one("HardSigmoid", rows, { alpha: f(0.5), beta: f(0.4) }),
  one("Selu", rows),
  one("Gelu", rows, {}, {}, { opset: 20 }),
  one("Gelu", rows, { approximate: "tanh" }, {}, { opset: 20 }),
  one("Mish", rows, {}, {}, { opset: 18 }),
  one("Clip", rows, { min: f(-0.5) }, {}, { opset: 9 }),
  one("Clip", rows, {}, { low: scalar(-0.5), high: scalar(0.25) }),
  one("Clip", rows, {}, { high: scalar(0.25) }, { inputs: ["x", "", "high"] }),
  one("Cast", rows, { to: 1 }),
];

const FLOAT = { operator: "Cast", attributes: { to: 1 } };
const COMPARISONS: readonly Case[] = [
  ...["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"].map((operator) =>
    several(
      `${operator}, of whole numbers`,
      rows,
      [
        { operator: "Round", inputs: ["x"], outputs: ["a"] },
        { operator, inputs: ["a", "b"], outputs: ["truth"] },
        { ...FLOAT, inputs: ["truth"] },
      ],
      { b: tensor([-1, 0, 1, 2, 0]) },
    ),
  ),
  ...["And", "Or", "Xor"].map((operator) =>
    several(
      operator,
      rows,
      [
        { operator: "Less", inputs: ["x", "high"], outputs: ["a"] },
        { operator: "Cast", inputs: ["mask"], outputs: ["b"], attributes: { to: 9 } },
        { operator, inputs: ["a", "b"], outputs: ["both"] },
        { operator: "Not", inputs: ["both"], outputs: ["neither"] },
        { ...FLOAT, inputs: ["neither"] },
      ],
      { high: scalar(0.2), mask: tensor([1, 0, -2, 0, 1]) },
    ),
  ),
  several(
    "Where, by a Cast of numbers to truth",
    rows,
    [
      { operator: "Relu", inputs: ["x"], outputs: ["positive"] },
      { operator: "Cast", inputs: ["positive"], outputs: ["truth"], attributes: { to: 9 } },
      { operator: "Where", inputs: ["truth", "x", "b"] },
    ],
    { b: random(5) },
  ),
  several(
    "Where, by lengths",
    rows,
    [
      { operator: "Shape", inputs: ["x"], outputs: ["shape"] },
      { operator: "Greater", inputs: ["shape", "four"], outputs: ["long"] },
      { operator: "Not", inputs: ["long"], outputs: ["short"] },
      { operator: "Unsqueeze", inputs: ["short", "last"], outputs: ["condition"] },
      { operator: "Slice", inputs: ["x", "zero", "two"], outputs: ["a"] },
      { operator: "Where", inputs: ["condition", "a", "b"] },
    ],
    { four: [4], last: [1], zero: [0], two: [2], b: random(5) },
  ),
];

/** The same GELU, in the orders in which it is written. */
const GELU: readonly Case[] = (
  [
    [
      "½·(x·(1 + erf))",
      [
        ["Mul", "x", "open"],
        ["Mul", "a", "half"],
      ],
    ],
    [
      "(½x)·(1 + erf)",
      [
        ["Mul", "half", "x"],
        ["Mul", "a", "open"],
      ],
    ],
    [
      "x·(½·(1 + erf))",
      [
        ["Mul", "open", "half"],
        ["Mul", "x", "a"],
      ],
    ],
  ] as const
).map(([name, [first, second]]) =>
  several(
    `GELU as ${name}`,
    rows,
    [
      { operator: "Div", inputs: ["x", "root"], outputs: ["argument"] },
      { operator: "Erf", inputs: ["argument"], outputs: ["erf"] },
      { operator: "Add", inputs: ["erf", "one"], outputs: ["open"] },
      { operator: first[0], inputs: first.slice(1), outputs: ["a"] },
      { operator: second[0], inputs: second.slice(1), outputs: ["y"] },
    ],
    { root: scalar(Math.SQRT2), one: scalar(1), half: scalar(0.5) },
  ),
);

const conv = (attributes: Attributes, ...w: number[]): Case =>
  one("Conv", image, attributes, { w: random(...w), b: random(w[0]) });

const norms: Tensors = { weight: random(4), bias: random(4) };
const statistics: Tensors = { ...norms, mean: random(4), variance: positive(4) };

const LAYERS: readonly Case[] = [
  conv({}, 3, 4, 3, 2),
  conv({ kernel_shape: [3, 3], pads: [1, 2, 1, 2], strides: [2, 1], dilations: [1, 2] }, 3, 4, 3, 3),
  conv({ pads: [0, 1, 2, 0], group: 2 }, 6, 2, 3, 3),
  conv({ auto_pad: "SAME_UPPER", strides: [2, 2] }, 3, 4, 4, 3),
  conv({ auto_pad: "SAME_LOWER", strides: [1, 2] }, 3, 4, 4, 3),
  conv({ auto_pad: "VALID" }, 3, 4, 3, 3),
  ...(
    [
      [{}, [3, 4, 3]],
      [{ kernel_shape: [4], pads: [2, 2], strides: [2], dilations: [2] }, [3, 4, 4]],
      [{ pads: [1, 2], group: 2 }, [6, 2, 3]],
      [{ auto_pad: "SAME_UPPER", strides: [2] }, [3, 4, 4]],
    ] as const
  ).map(([how, w]) => one("Conv", [2, 4, 11], how, { w: random(...w), b: random(w[0]) })),
  one("Gemm", rows, { transB: 1 }, { w: random(2, 5), b: random(2) }),
  one("Gemm", rows, {}, { w: random(5, 2) }),
  one("Gemm", [5, 3], { transA: 1, alpha: f(0.5), beta: f(2) }, { w: random(5, 2), b: random(3, 1) }),
  one("MatMul", [2, 3, 5], {}, { w: random(5, 4) }),
  one("Einsum", [2, 3, 5], { equation: "bij,bkj->bik" }, { w: random(2, 4, 5) }),
  one("Einsum", [2, 3, 5], { equation: "...ij, jk" }, { w: random(5, 4) }),
  one("Einsum", [3, 3, 5], { equation: "iij->j" }),
  one("BatchNormalization", image, { epsilon: f(0.01) }, statistics),
  one("BatchNormalization", [3, 4], {}, statistics, { opset: 9 }),
  one("BatchNormalization", [2, 4, 5], {}, statistics),
  one("InstanceNormalization", image, {}, norms),
  one("LayerNormalization", [2, 3, 4], {}, norms),
  one("LayerNormalization", [2, 3, 4], { axis: 1, epsilon: f(0.1) }, { weight: random(3, 4) }),
  one("GroupNormalization", image, { num_groups: 2 }, norms, { opset: 21 }),
  one("GroupNormalization", image, { num_groups: 2 }, { weight: random(2), bias: random(2) }, { opset: 18 }),
  one("Dropout", rows, { ratio: f(0.3) }, {}, { opset: 10 }),
  one("Dropout", rows, {}, { ratio: scalar(0.3) }),
  one("Softmax", [2, 3, 4]),
  one("Softmax", [2, 3, 4], { axis: 1 }),
  one("Softmax", [2, 3, 4], {}, {}, { opset: 11 }),
  one("LogSoftmax", [2, 3, 4], { axis: 1 }, {}, { opset: 11 }),
  one("LogSoftmax", [2, 3, 4], { axis: 1 }),
];

const POOLING: readonly Case[] = [
  one("MaxPool", image, { kernel_shape: [2, 2], strides: [2, 2] }),
  one("MaxPool", image, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  one("MaxPool", image, { kernel_shape: [3, 2], pads: [0, 1, 2, 0], dilations: [2, 1] }),
  one("MaxPool", image, { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }),
  one("MaxPool", image, { kernel_shape: [3, 3], strides: [2, 2], auto_pad: "SAME_UPPER" }),
  one("AveragePool", image, { kernel_shape: [2, 3] }),
  one("AveragePool", image, { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
  one("AveragePool", image, { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }),
  one("AveragePool", image, { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 1, 2, 1] }),
  one("AveragePool", image, { kernel_shape: [3, 3], strides: [2, 2], auto_pad: "SAME_LOWER" }),
  one("GlobalAveragePool", image),
  one("GlobalMaxPool", image),
];

const REDUCTIONS: readonly Case[] = [
  ...["ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp"].flatMap((operator) => [
    one(operator, image, { axes: [2, -1] }),
    one(operator, image, { axes: [1], keepdims: 0 }, {}, { opset: 11 }),
    one(operator, image, { keepdims: 0 }, { axes: [-2] }, { opset: 18 }),
    one(operator, image),
  ]),
  one("ReduceProd", image, { axes: [2, -1] }),
  one("ReduceProd", image, { keepdims: 0 }, { axes: [-2] }, { opset: 18 }),
  ...[{}, { exclusive: 1 }, { reverse: 1 }, { exclusive: 1, reverse: 1 }].flatMap((how) =>
    [1, -1].map((axis) => one("CumSum", image, how, { axis: [axis] })),
  ),
  ...["ArgMax", "ArgMin"].flatMap((operator) =>
    [{ axis: -1 }, { keepdims: 0 }].map((how) =>
      several(`${operator} ${JSON.stringify(how)}`, image, [
        { operator, inputs: ["x"], outputs: ["positions"], attributes: how },
        { operator: "Cast", inputs: ["positions"], attributes: { to: 1 } },
      ]),
    ),
  ),
  one("ReduceSum", image, { axes: [2, 3] }, {}, { opset: 11 }),
  one("ReduceSum", image, { keepdims: 0 }, { axes: [1, 2] }),
  one("ReduceSum", image, { noop_with_empty_axes: 1 }),
];

const topK = (inputs: readonly string[], attributes: Attributes = {}): BuiltNode => ({
  operator: "TopK",
  inputs,
  outputs: ["values", "positions"],
  attributes,
});
const SHAPES: readonly Case[] = [
  one("Reshape", image, {}, { shape: [0, -1, 6] }),
  one("Flatten", image),
  one("Flatten", image, { axis: -1 }),
  one("Flatten", image, { axis: 0 }),
  one("Squeeze", [1, 3, 1, 2], {}, { axes: [0, -2] }),
  one("Squeeze", [1, 3, 1, 2], {}),
  one("Squeeze", [1, 3, 1, 2], { axes: [2] }, {}, { opset: 11 }),
  one("Unsqueeze", rows, {}, { axes: [0, -1] }),
  one("Unsqueeze", rows, { axes: [1, 2] }, {}, { opset: 11 }),
  one("Transpose", image, { perm: [0, 2, 3, 1] }),
  one("Transpose", rows),
  one("Concat", image, { axis: 1 }, { b: random(2, 1, 7, 6) }),
  one("Concat", image, { axis: -1 }, { b: random(2, 4, 7, 2) }),
  one("Slice", image, { starts: [1, -4], ends: [3, 100], axes: [1, 2] }, {}, { opset: 9 }),
  one("Slice", image, {}, { starts: [1, -4], ends: [2 ** 62, -1], axes: [1, -2], steps: [2, 1] }),
  one("Slice", image, {}, { starts: [0, 1], ends: [2, 3] }),
  one("Pad", image, { pads: [0, 0, 1, 2, 0, 1, 0, 1] }, {}, { opset: 10 }),
  one("Pad", image, {}, { pads: [0, 0, 1, 2, 0, 1, 0, 1], value: scalar(0.5) }),
  one("Pad", image, {}, { pads: [0, 0, -1, 2, 0, -1, 0, -2] }),
  one("Pad", image, {}, { pads: [1, 2, 0, 1], axes: [2, -1] }, { opset: 18, inputs: ["x", "pads", "", "axes"] }),
  one("Pad", image, { mode: "reflect" }, { pads: [0, 0, 1, 2, 0, 0, 2, 1] }),
  one("Pad", image, { mode: "reflect" }, { pads: [0, 0, -1, 2, 0, 0, 2, -1] }),
  one("Pad", image, { mode: "edge" }, { pads: [0, 1, 3, 0, 0, 0, 9, 4] }),
  one("Pad", image, {}, { pads: [0, 1, -3, 0, 0, -2, 4, -6], value: scalar(2) }),
  several("TopK", rows, [topK(["x", "k"])], { k: [3] }),
  several("TopK, the smallest of an axis", image, [topK(["x", "k"], { axis: 1, largest: 0 })], { k: [2] }),
  several("TopK in opset 9", rows, [topK(["x"], { k: 2, axis: 0 })], {}, 9),
  several(
    "OneHot of the positions of TopK, and of constants",
    rows,
    [
      { operator: "TopK", inputs: ["x", "k"], outputs: ["top", "positions"] },
      { operator: "OneHot", inputs: ["positions", "depth", "values"], outputs: ["a"] },
      { operator: "OneHot", inputs: ["labels", "depth", "values"], outputs: ["b"], attributes: { axis: 0 } },
      { operator: "Reshape", inputs: ["b", "shape"], outputs: ["c"] },
      { operator: "Add", inputs: ["a", "c"] },
    ],
    { k: [2], depth: [5], values: tensor([-0.5, 2]), labels: [0, -1, 3], shape: [3, 1, 5] },
  ),
  one("Gather", image, { axis: 1 }, { index: [3, 0, -1] }),
  one("Expand", [3, 1], {}, { shape: [2, 1, 4] }),
  several("Split into equal parts, added", image, [
    { operator: "Split", inputs: ["x"], outputs: ["a", "b"], attributes: { axis: 1 } },
    { operator: "Sub", inputs: ["a", "b"] },
  ]),
  several(
    "Split into given parts, of which the second counts",
    image,
    [
      { operator: "Split", inputs: ["x", "sizes"], outputs: ["a", "b"], attributes: { axis: 2 } },
      { operator: "Relu", inputs: ["b"] },
    ],
    { sizes: [3, 4] },
  ),
  several(
    "a shape that is taken apart and put together: Shape, Gather, Slice, Mul, ReduceProd, Cast, Concat",
    image,
    [
      { operator: "Shape", inputs: ["x"], outputs: ["shape"] },
      { operator: "Gather", inputs: ["shape", "first"], outputs: ["n"] },
      { operator: "Slice", inputs: ["shape", "first", "three"], outputs: ["upper"] },
      { operator: "ReduceProd", inputs: ["upper"], outputs: ["product"] },
      { operator: "Div", inputs: ["product", "n"], outputs: ["pixels"] },
      { operator: "Cast", inputs: ["pixels"], outputs: ["cast"], attributes: { to: 6 } },
      { operator: "Cast", inputs: ["cast"], outputs: ["long"], attributes: { to: 7 } },
      { operator: "Concat", inputs: ["n", "long", "rest"], outputs: ["target"], attributes: { axis: 0 } },
      { operator: "Reshape", inputs: ["x", "target"] },
    ],
    { first: [0], three: [3], rest: [-1] },
  ),
  several(
    "a target with −1 for the lengths that stay: ConstantOfShape, Equal, Where, Expand",
    [1, 3, 1],
    [
      { operator: "Shape", inputs: ["x"], outputs: ["shape"] },
      { operator: "ConstantOfShape", inputs: ["shape"], outputs: ["zero"] },
      { operator: "Equal", inputs: ["wish", "minus"], outputs: ["stays"] },
      { operator: "Where", inputs: ["stays", "shape", "wish"], outputs: ["target"] },
      { operator: "Expand", inputs: ["x", "target"], outputs: ["large"] },
      { operator: "Expand", inputs: ["zero", "target"], outputs: ["zeros"] },
      { operator: "Add", inputs: ["large", "zeros"] },
    ],
    { wish: [2, -1, 4], minus: [-1] },
  ),
  several("how many numbers there are: Size as a float", rows, [
    { operator: "Size", inputs: ["x"], outputs: ["size"] },
    { operator: "Cast", inputs: ["size"], outputs: ["float"], attributes: { to: 1 } },
    { operator: "Sqrt", inputs: ["float"], outputs: ["root"] },
    { operator: "Div", inputs: ["x", "root"] },
  ]),
];

const transposed = (attributes: Attributes, ...w: number[]): Case =>
  one("ConvTranspose", image, attributes, {
    w: random(...w),
    b: random(w[1] * ((attributes["group"] as number) ?? 1)),
  });
const scaled = (attributes: Attributes, scales: number[], opset = 17): Case =>
  one(
    "Resize",
    image,
    attributes,
    opset < 11 ? { scales: tensor(scales) } : { roi: tensor([0, 0, 0, 0, 1, 1, 1, 1]), scales: tensor(scales) },
    { opset },
  );
const sized = (attributes: Attributes, sizes: number[], opset = 17): Case =>
  one("Resize", image, attributes, { sizes }, { opset, inputs: ["x", "", "", "sizes"] });

const RESIZING: readonly Case[] = [
  transposed({}, 4, 3, 3, 2),
  transposed({ kernel_shape: [3, 3], pads: [1, 2, 1, 2], strides: [2, 1], dilations: [1, 2] }, 4, 3, 3, 3),
  transposed({ strides: [2, 3], output_padding: [1, 2], group: 2 }, 4, 3, 3, 3),
  transposed({ strides: [2, 2], pads: [0, 1, 2, 0] }, 4, 3, 3, 3),
  transposed({ strides: [2, 2], auto_pad: "SAME_UPPER" }, 4, 3, 3, 3),
  transposed({ strides: [2, 2], auto_pad: "SAME_LOWER" }, 4, 3, 3, 4),
  transposed({ strides: [2, 2], output_shape: [14, 12] }, 4, 3, 3, 3),
  transposed({ auto_pad: "VALID" }, 4, 3, 2, 2),
  one("Upsample", image, {}, { scales: tensor([1, 1, 2, 3]) }, { opset: 9 }),
  one("Upsample", image, { mode: "linear" }, { scales: tensor([1, 1, 2, 3]) }, { opset: 9 }),
  one("Upsample", image, {}, { scales: tensor([1, 1, 1.3, 2.6]) }, { opset: 9 }),
  scaled({}, [1, 1, 2, 3], 10),
  scaled({ mode: "linear" }, [1, 1, 2, 1.5], 10),
  scaled({}, [1, 1, 2, 3]),
  sized({}, [2, 4, 14, 24]),
  ...["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"].flatMap((coordinate_transformation_mode) => [
    ...["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"].flatMap((nearest_mode) => [
      scaled({ coordinate_transformation_mode, nearest_mode }, [1, 1, 0.6, 2.5], 13),
      sized({ coordinate_transformation_mode, nearest_mode }, [2, 4, 3, 13]),
    ]),
    scaled({ mode: "linear", coordinate_transformation_mode }, [1, 1, 2, 3], 11),
    scaled({ mode: "linear", coordinate_transformation_mode }, [1, 1, 0.6, 2.55]),
    sized({ mode: "linear", coordinate_transformation_mode }, [2, 4, 1, 13], 18),
  ]),
  one("Resize", image, { axes: [3, 2] }, { sizes: [5, 9] }, { opset: 18, inputs: ["x", "", "", "sizes"] }),
  one("Resize", [2, 3, 5], {}, { scales: tensor([1, 1, 2]) }, { inputs: ["x", "", "scales"] }),
];

const all = { ELEMENTWISE, COMPARISONS, GELU, LAYERS, POOLING, REDUCTIONS, RESIZING, SHAPES };

describe.each(Object.entries(all))("%s", (_, cases) => {
  it.each(cases.map((c) => [c.name, c] as const))("%s", async (_, c) => {
    const file = build(c);
    const x = c.positive ? positive(...c.inputShape) : random(...c.inputShape);
    const network = importOnnx(file);
    const y = noGrad(() => network.forward(x));
    expect(difference(y, await (await openOnnx(file)).run(x))).toBeLessThan(TOLERANCE);
  });
});

it("every operator has a case", () => {
  const tested = new Set(
    Object.values(all).flatMap((cases) => cases.flatMap(({ nodes }) => nodes.map((n) => n.operator))),
  );
  expect(Object.keys(operators).filter((operator) => !tested.has(operator))).toEqual([]);
});

describe("what is trained", () => {
  const weights = (c: Case): string[] =>
    importOnnx(build(c))
      .namedParameters()
      .map(([name]) => name);

  it("the weights, scales and shifts of operators, whatever their names", () => {
    expect(weights(one("Conv", image, {}, { "onnx::Conv_7": random(3, 4, 3, 3) }))).toEqual(["onnx::Conv_7"]);
    expect(weights(one("MatMul", rows, {}, { "A/B:0": random(5, 2) }))).toEqual(["A/B:0"]);
  });

  it("terms and factors with a name such as PyTorch gives", () => {
    expect(weights(one("Mul", rows, {}, { "Block.0.scale": random(5) }))).toEqual(["Block.0.scale"]);
    expect(weights(one("Mul", rows, {}, { "onnx::Mul_7": random(5) }))).toEqual([]);
  });

  it("a layer that has a layer's names, with its attributes", () => {
    const w = { "Net.c.weight": random(3, 4, 3, 3), "Net.c.bias": random(3) };
    const network = importOnnx(build(one("Conv", image, { pads: [1, 1, 1, 1] }, w)));
    expect(Object.keys(network.stateDict())).toEqual(["Net.c.weight", "Net.c.bias"]);
    expect(`${network}`).toContain("(Net.c) Conv2d(4 → 3, 3×3, stride 1, padding 1, weight [3,4,3,3], bias [3])");
  });

  it("so is a transposed convolution", () => {
    const w = { "up.weight": random(4, 3, 3, 3), "up.bias": random(6) };
    const attributes = { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1], group: 2 };
    const network = importOnnx(build(one("ConvTranspose", image, attributes, w)));
    expect(Object.keys(network.stateDict())).toEqual(["up.weight", "up.bias"]);
    expect(`${network}`).toContain("(up) ConvTranspose2d(4 → 6, 3×3, stride 2, padding 1, groups 2, output padding 1");
    const padding = one("ConvTranspose", image, { ...attributes, pads: [0, 1, 1, 0] }, w);
    expect(`${importOnnx(build(padding))}`).not.toContain("ConvTranspose2d");
  });

  it("a weight that two nodes share is one parameter, with the gradient of both", () => {
    const w = { "c.weight": random(4, 4, 1, 1) };
    const conv = (from: string, to: string): BuiltNode => ({
      operator: "Conv",
      inputs: [from, "c.weight"],
      outputs: [to],
    });
    const network = importOnnx(build(several("", image, [conv("x", "a"), conv("a", "b")], w)));
    expect(network.namedParameters().map(([name]) => name)).toEqual(["c.weight"]);
    const x = random(...image);
    const grads = backward(sum(network.forward(x)));
    const [shared] = network.parameters();
    expect(grads.get(shared)!.shape).toEqual([4, 4, 1, 1]);
  });
});

describe("lengths that a damaged file could have", () => {
  const far = 2 ** 40;
  it.each([
    one("Pad", image, {}, { pads: [0, 0, 0, 0, 0, 0, 0, far] }),
    one("Pad", image, { mode: "edge" }, { pads: [0, 0, 0, 0, 0, 0, 0, far] }),
    one("Expand", [3, 1], {}, { shape: [3, far] }),
    one("Resize", image, {}, { scales: tensor([1, 1, far, 1]) }, { inputs: ["x", "", "scales"] }),
    one("Conv", image, { pads: [far, 0, far, 0] }, { "c.weight": random(3, 4, 3, 3) }),
    one("MaxPool", image, { kernel_shape: [2, 2], pads: [0, 0, far, 0] }),
  ])("$name", (c) => {
    const network = importOnnx(build(c));
    expect(() => network.forward(random(...c.inputShape))).toThrow(
      /node "node0" \(.+\): a tensor of shape \[.+\] is larger/,
    );
  });
});

describe("dropout in training", () => {
  const file = build(one("Dropout", [100, 10], {}, { ratio: scalar(0.25) }));

  it("drops with the generator it was given, and scales the rest", () => {
    const y = importOnnx(file, { rng: new Rng(0) })
      .train()
      .forward(tensor(new Float32Array(1000).fill(3), [100, 10]));
    const dropped = y.data.filter((v) => v === 0).length;
    expect(dropped).toBeGreaterThan(150);
    expect(dropped).toBeLessThan(350);
    expect(new Set(y.data)).toEqual(new Set([0, 4]));
  });

  it("without a generator is an error that says how to give one", () => {
    const network = importOnnx(file);
    expect(network.forward(random(100, 10)).shape).toEqual([100, 10]);
    expect(() => network.train().forward(random(100, 10))).toThrow(
      'importOnnx: node "node0" (Dropout) needs random numbers in training: importOnnx(bytes, { rng: new Rng(seed) })',
    );
  });
});

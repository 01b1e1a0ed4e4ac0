/**
 * The other arguments of operations, besides their tensors: the attributes of a graph's nodes.
 *
 * With them the graph records the whole computation, and can be written down for another engine (src/io/onnx). They are
 * the options or the geometry that an operation has anyway. Options and axes are kept as given: an absent option has
 * its default, and axis −1 is the last.
 */
import type { ConvGeometry } from "../tensor/geometry/conv.ts";
import type { SliceRange } from "../tensor/geometry/copy.ts";
import type { InterpolateGeometry } from "../tensor/geometry/interpolate.ts";
import type { AvgPool2dOptions, MaxPool2dOptions, PoolGeometry } from "../tensor/geometry/pool.ts";
import type { Axes } from "../tensor/geometry/reduce.ts";
import type { IndexTensor } from "../tensor/geometry/select.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Attributes by the name of the operation. Unlisted operations have none. */
export interface OpAttributes {
  readonly leakyRelu: { readonly slope: number };
  readonly elu: { readonly alpha: number };
  readonly gelu: { readonly approximate: "none" | "tanh" };
  readonly softplus: { readonly beta: number; readonly threshold: number };
  readonly clamp: { readonly low: number; readonly high: number };

  readonly sum: { readonly axes: Axes; readonly keepDim: boolean };
  readonly mean: OpAttributes["sum"];
  readonly prod: OpAttributes["sum"];
  readonly max: OpAttributes["sum"];
  readonly min: OpAttributes["sum"];
  readonly maxWithIndices: OpAttributes["sum"];
  readonly minWithIndices: OpAttributes["sum"];
  readonly cumsum: { readonly axis: number };
  readonly topK: { readonly k: number; readonly axis: number; readonly largest: boolean };
  readonly logsumexp: OpAttributes["sum"];
  readonly variance: OpAttributes["sum"] & { readonly correction: number };
  readonly std: OpAttributes["variance"];

  /** Axis k of the output is axis `axes[k]` of the input. */
  readonly transpose: { readonly axes: readonly number[] };
  readonly permute: { readonly axes: readonly number[] };
  readonly slice: { readonly ranges: readonly SliceRange[] };
  readonly concat: { readonly axis: number };
  readonly stack: { readonly axis: number };
  readonly pad: { readonly pads: readonly (readonly [number, number])[]; readonly value: number };
  readonly indexSelect: { readonly axis: number; readonly index: ArrayLike<number> };
  readonly gather: { readonly axis: number; readonly index: IndexTensor };

  readonly conv2d: ConvGeometry;
  /** That of images with one row. */
  readonly conv1d: ConvGeometry;
  /** Of the convolution whose input gradient it is: x and y change places. */
  readonly convTranspose2d: ConvGeometry;
  readonly interpolate: InterpolateGeometry;
  readonly maxPool2d: MaxPool2dOptions;
  readonly avgPool2d: AvgPool2dOptions;
  readonly adaptiveAvgPool2d: PoolGeometry;

  /** The tensors of a norm are among the node's inputs too, without the absent ones. */
  readonly batchNorm: {
    readonly weight: Tensor | null;
    readonly bias: Tensor | null;
    readonly eps: number;
    readonly training: boolean;
    /** The mean that normalised x outside training. */
    readonly runningMean: Tensor | null;
    readonly runningVar: Tensor | null;
  };
  readonly layerNorm: {
    readonly weight: Tensor | null;
    readonly bias: Tensor | null;
    readonly eps: number;
    readonly normalizedShape: Shape;
  };
  readonly groupNorm: {
    readonly weight: Tensor | null;
    readonly bias: Tensor | null;
    readonly eps: number;
    readonly groups: number;
  };
  readonly instanceNorm: {
    readonly weight: Tensor | null;
    readonly bias: Tensor | null;
    readonly eps: number;
  };
  readonly softmax: { readonly axis: number };
  readonly logSoftmax: { readonly axis: number };
}

/** An operation of one's own (define-operation.ts): its name, and those of its arguments that are no tensors. */
export type OwnOperation = readonly [`${string}.${string}`, readonly unknown[]];

/** The name of an operation, with its attributes if it has any. */
export type Operation =
  | string
  | OwnOperation
  | { readonly [Op in keyof OpAttributes]: readonly [Op, OpAttributes[Op]] }[keyof OpAttributes];

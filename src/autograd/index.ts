/** The calculus: operations with their derivatives, the graph they record, and the way back through it. */
export type { OpAttributes, Operation, OwnOperation } from "./attributes.ts";
export * from "./backward.ts";
export { checkpoint } from "./checkpoint.ts";
export * from "./compare.ts";
export {
  type Conv1dOptions,
  type Conv2dOptions,
  type ConvAlgorithm,
  type ConvGeometry,
  conv1d,
  conv2d,
  type Pair,
} from "./conv.ts";
export * from "./conv-transpose.ts";
export * from "./cumulative.ts";
export { defineOperation, type OperationCall, type OperationDefinition } from "./define-operation.ts";
export * from "./dropout.ts";
export * from "./einsum.ts";
export * from "./element-losses.ts";
export * from "./elementwise.ts";
export { type GradcheckOptions, gradcheck } from "./gradcheck.ts";
export { AutogradError, graphToDot, type Node, nodesBefore, noGrad } from "./graph.ts";
export {
  type InterpolateGeometry,
  type InterpolateOptions,
  interpolate,
  type ResampleGeometry,
  type Taps,
} from "./interpolate.ts";
export type { LossOptions, Reduction } from "./loss-options.ts";
export * from "./losses.ts";
export * from "./matmul.ts";
export * from "./norm.ts";
export * from "./pool.ts";
export * from "./reduce.ts";
export * from "./shape.ts";
export * from "./softmax.ts";
export * from "./top-k.ts";

/** The plain tier: every kernel as a loop one can read. The reference, the oracle of the tests, and the fallback. */
import type { Kernels } from "../kernels.ts";
import { conv2d, conv2dInputGradient, conv2dWeightGradient } from "./conv2d.ts";
import { addScaled, binary, unary, unaryGradient } from "./elementwise.ts";
import { gemm } from "./gemm.ts";
import { col2im, im2col } from "./im2col.ts";
import { copyStrided, indexAdd, indexSelect } from "./move.ts";
import { moments, normalize, normalizeGradient, normalizeReluGradient } from "./normalize.ts";
import { avgPool2d, avgPool2dGradient, maxPool2d, maxPool2dGradient } from "./pool.ts";
import { argmax, reduce, variance, varianceGradient } from "./reduce.ts";
import { logSoftmax, logSoftmaxGradient, softmax, softmaxGradient } from "./softmax.ts";
import { adam, sgd } from "./update.ts";

export const plainKernels: Kernels = {
  name: "plain",
  arithmetic: "separate",
  binary,
  unary,
  unaryGradient,
  addScaled,
  copyStrided,
  indexSelect,
  indexAdd,
  reduce,
  variance,
  varianceGradient,
  argmax,
  gemm,
  im2col,
  col2im,
  conv2d,
  conv2dInputGradient,
  conv2dWeightGradient,
  maxPool2d,
  maxPool2dGradient,
  avgPool2d,
  avgPool2dGradient,
  moments,
  normalize,
  normalizeGradient,
  normalizeReluGradient,
  softmax,
  logSoftmax,
  softmaxGradient,
  logSoftmaxGradient,
  sgd,
  adam,
};

/** The plain tier: every kernel as a readable loop. The reference, the oracle of the tests, and the fallback. */
import type { ArrayKernels } from "../kernels.ts";
import { conv2d, conv2dInputGradient, conv2dWeightGradient } from "./conv.ts";
import { cumsum } from "./cumulative.ts";
import { addScaled, binary, binaryGradient, where } from "./elementwise.ts";
import { col2im, im2col } from "./im2col.ts";
import { crossSum, crossSumGradient, elementLoss, elementLossGradient, labelMass, targetMass } from "./losses.ts";
import { gemm } from "./matmul.ts";
import { moments, normalize, normalizeGradient, normalizeReluGradient } from "./norm.ts";
import { avgPool2d, avgPool2dGradient, maxPool2d, maxPool2dGradient } from "./pool.ts";
import { argmax, argmin, prodGradient, reduce, variance, varianceGradient } from "./reduce.ts";
import { resample } from "./resample.ts";
import { copyStrided, fill, indexAdd, indexSelect, put } from "./shape.ts";
import { logSoftmax, logSoftmaxGradient, softmax, softmaxGradient } from "./softmax.ts";
import { topK } from "./top-k.ts";
import { unary, unaryGradient } from "./unary.ts";
import { adam, rmsprop, runningAverage, sgd } from "./update.ts";

export const plainKernels: ArrayKernels = {
  name: "plain",
  arithmetic: "separate",
  binary,
  where,
  unary,
  unaryGradient,
  binaryGradient,
  addScaled,
  fill,
  put,
  copyStrided,
  indexSelect,
  indexAdd,
  reduce,
  variance,
  varianceGradient,
  prodGradient,
  argmax,
  argmin,
  cumsum,
  topK,
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
  resample,
  moments,
  normalize,
  normalizeGradient,
  normalizeReluGradient,
  softmax,
  logSoftmax,
  softmaxGradient,
  logSoftmaxGradient,
  labelMass,
  targetMass,
  crossSum,
  crossSumGradient,
  elementLoss,
  elementLossGradient,
  runningAverage,
  sgd,
  adam,
  rmsprop,
};

/** The naive loops as a tier, so that every row that runs on `Kernels` can be compared with its definition. */

import type { ArrayKernels } from "../src/tensor/kernels.ts";
import { plainKernels } from "../src/tensor/plain/index.ts";
import {
  naiveCol2im,
  naiveConv2d,
  naiveConv2dInputGradient,
  naiveConv2dWeightGradient,
  naiveGemm,
  naiveIm2col,
} from "./naive.ts";

export const naiveKernels: ArrayKernels = {
  ...plainKernels,
  name: "naive",
  gemm: naiveGemm,
  im2col: naiveIm2col,
  col2im: naiveCol2im,
  conv2d: (x, w, b, y, g, add = null, relu = false) => {
    naiveConv2d(x, w, b, y, g);
    if (add) for (let i = 0; i < y.length; i++) y[i] += add[i];
    if (relu) for (let i = 0; i < y.length; i++) y[i] = y[i] < 0 ? 0 : y[i];
  },
  conv2dInputGradient: naiveConv2dInputGradient,
  conv2dWeightGradient: naiveConv2dWeightGradient,
};

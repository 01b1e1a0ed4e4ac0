/** What works along axes, as PyTorch does it (test/golden/axes), on both tiers. */
import { conv1d } from "../../src/autograd/conv.ts";
import { cumsum } from "../../src/autograd/cumulative.ts";
import { einsum } from "../../src/autograd/einsum.ts";
import { add, mul } from "../../src/autograd/elementwise.ts";
import { instanceNorm } from "../../src/autograd/norm.ts";
import { argmin, min, minWithIndices, prod } from "../../src/autograd/reduce.ts";
import { BatchNorm1d, InstanceNorm1d, InstanceNorm2d } from "../../src/nn/index.ts";
import { goldenFamily } from "../support/golden-family.ts";

goldenFamily("axes/axes", {
  run: {
    amin: ({ input, attrs }) => min(input("x"), attrs.dims, { keepDim: attrs.keepdim }),
    min_dim: ({ input, attrs }) => {
      const { values, indices } = minWithIndices(input("x"), attrs.dim, { keepDim: attrs.keepdim });
      return { outputs: { y: values, indices } };
    },
    argmin: ({ input, attrs }) => ({
      outputs: { indices: argmin(input("x"), attrs.dim ?? undefined, { keepDim: attrs.keepdim }) },
    }),
    prod: ({ input, attrs }) => prod(input("x"), attrs.dims ?? undefined, { keepDim: attrs.keepdim }),
    cumsum: ({ input, attrs }) => cumsum(input("x"), attrs.axis),
    conv1d: ({ input, optional, attrs }) => conv1d(input("x"), input("w"), optional("b"), attrs),
    instance_norm: ({ input, optional, attrs }) =>
      instanceNorm(input("x"), optional("weight"), optional("bias"), { eps: attrs.eps }),
    batch_norm1d: ({ input }) => {
      const x = input("x");
      const layer = new BatchNorm1d(x.shape[1], { momentum: 0.3 });
      Object.assign(layer, { weight: input("weight"), bias: input("bias") });
      const y = layer.forward(x);
      return { outputs: { y, running_mean: layer.runningMean!, running_var: layer.runningVar! } };
    },
    instance_norm_tracked: ({ input }) => {
      const x = input("x");
      const Layer = x.rank === 3 ? InstanceNorm1d : InstanceNorm2d;
      const layer = new Layer(x.shape[1], { momentum: 0.3, trackRunningStats: true });
      layer.forward(x);
      layer.forward(add(mul(x, 2), 1));
      const y = layer.eval().forward(x);
      const { runningMean, runningVar, numBatchesTracked } = layer;
      return {
        outputs: { y, running_mean: runningMean!, running_var: runningVar!, num_batches_tracked: numBatchesTracked! },
      };
    },
    einsum: ({ input, attrs, case: { inputs } }) => einsum(attrs.equation, ...Object.keys(inputs).map(input)),
  },
});

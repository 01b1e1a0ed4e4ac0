/** What works along axes, as PyTorch does it (test/golden/axes), on both tiers. */
import { cumsum } from "../../src/autograd/cumulative.ts";
import { einsum } from "../../src/autograd/einsum.ts";
import { argmin, min, minWithIndices, prod } from "../../src/autograd/reduce.ts";
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
    einsum: ({ input, attrs, case: { inputs } }) => einsum(attrs.equation, ...Object.keys(inputs).map(input)),
  },
});

/** Derivative cases of dropout: for a fixed mask it is linear. Each call makes its generator anew, so the mask is fixed. */
import { dropout } from "../../../src/autograd/dropout.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import type { OpCase } from "./types.ts";

export const cases: readonly OpCase[] = [0.1, 0.5, 1].map((p) => ({
  op: "dropout",
  name: `x=[4,5] p=${p}`,
  inputs: [[4, 5]],
  call: (x) => dropout(x, p, { rng: new Rng(1) }),
  linearIn: [0],
}));

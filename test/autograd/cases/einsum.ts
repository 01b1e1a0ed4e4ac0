/** Sums of products by letter: products, diagonals, sums, broadcasting, one operand and several. */
import { einsum } from "../../../src/autograd/einsum.ts";
import type { Shape } from "../../../src/tensor/shape.ts";
import type { OpCase } from "./types.ts";

const equation = (equation: string, ...inputs: Shape[]): OpCase => ({
  op: "einsum",
  name: `${equation} ${inputs.map((shape) => `[${shape}]`).join(" ")}`,
  inputs,
  composed: true,
  call: (...tensors) => einsum(equation, ...tensors),
  linearIn: inputs.map((_, i) => i),
});

export const cases: OpCase[] = [
  equation("ij,jk->ik", [3, 4], [4, 5]),
  equation("ij,kj", [3, 4], [5, 4]),
  equation("bhqd,bhkd->bhqk", [2, 2, 3, 4], [2, 2, 5, 4]),
  equation("abc,cbd->da", [2, 3, 4], [4, 3, 5]),
  equation("ijk,jk->i", [2, 3, 4], [3, 4]),
  equation("i,j->ji", [3], [4]),
  equation("i,i->", [5], [5]),
  equation("bi,bi->b", [3, 4], [3, 4]),
  equation("ii", [4, 4]),
  equation("iji->j", [3, 4, 3]),
  equation("iii->i", [3, 3, 3]),
  equation("ji", [3, 4]),
  equation("ij->ij", [3, 4]),
  equation("ijk->j", [2, 3, 4]),
  equation("...ij,...jk->...ik", [2, 1, 3, 4], [5, 4, 2]),
  equation("...i,i...->...", [2, 3], [3, 2]),
  equation("...,...", [2, 3], [3]),
  equation("ij,jk->ik", [3, 1], [4, 5]),
  equation("bn,anm,bm->ba", [2, 5], [3, 5, 4], [2, 4]),
  equation("ii,ij,j->", [3, 3], [3, 4], [4]),
];

/** A network of which no part is what it starts as. */
import { noGrad } from "../../../src/autograd/graph.ts";
import type { Module } from "../../../src/nn/module.ts";
import { randn } from "../../../src/tensor/create.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import type { Shape } from "../../../src/tensor/shape.ts";

/** As after some training: running statistics of real activations, and no scale, shift or branch that is exactly 1 or 0. */
export function trained(make: (rng: Rng) => Module, inputShape: Shape): Module {
  const rng = new Rng(1);
  const model = make(rng);
  for (const t of model.parameters()) {
    if (t.rank < 2 || t.data.every((v) => v === 0)) t.assign(t.data.map((v) => v + 0.1 * rng.normal()));
  }
  for (let i = 0; i < 3; i++) noGrad(() => model.train().forward(randn([2, ...inputShape], rng)));
  return model.eval();
}

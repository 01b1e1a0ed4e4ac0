/** That a gradient which reaches something the model cannot name is an error. */
import { expect, it } from "vitest";
import { backward, type Gradients, valueAndGrad } from "../../src/autograd/backward.ts";
import { add, mul } from "../../src/autograd/elementwise.ts";
import { mean, sum } from "../../src/autograd/reduce.ts";
import { BatchNorm2d, buffer, Conv2d, freeze, Linear, Module, parameter } from "../../src/nn/index.ts";
import { checkNamedLeaves } from "../../src/nn/leaves.ts";
import { ones, randn } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const rng = new Rng(0);
const x = randn([2, 3, 4, 4], rng);
const step = (model: Module, input = x): Gradients => valueAndGrad(() => mean(model.forward(input))).grads;

class Hidden extends Module {
  readonly #conv: Conv2d = new Conv2d(3, 2, 3, { padding: 1, rng });

  forward(x: Tensor): Tensor {
    return this.#conv.forward(x);
  }
}

it("a layer in a #private field: the message shows the tensor, what made it, and what to do", () => {
  const model = new Hidden();
  expect(() => checkNamedLeaves("fit", model, step(model))).toThrow(
    "fit: a gradient reached a tensor of shape [2,3,3,3], the weight of a Conv2d(3 → 2, 3×3, stride 1, padding 1), that is not a named parameter of the Hidden, so it would be neither trained nor saved. Is it (or its holder) in a #private field, a closure, or an object that is not a module? Make it a property of the Hidden",
  );
});

it("a tensor that no layer made: without what made it", () => {
  const outside = ones([1], { requiresGrad: true });
  class Uses extends Module {
    readonly scale: Tensor = parameter(ones([1]));

    forward(x: Tensor): Tensor {
      return mul(mul(x, this.scale), outside);
    }
  }
  expect(() => checkNamedLeaves("fit", new Uses(), step(new Uses()))).toThrow(
    "fit: a gradient reached a tensor of shape [1] that is not a named parameter of the Uses",
  );
});

it("is silent for a model whose parts all have names, step after step, also when one is added", () => {
  class Grows extends Module {
    layers: Module[] = [new Conv2d(3, 3, 1, { rng }), new BatchNorm2d(3)];

    forward(x: Tensor): Tensor {
      for (const layer of this.layers) x = layer.forward(x);
      return x;
    }
  }
  const model = new Grows();
  checkNamedLeaves("fit", model, step(model));
  checkNamedLeaves("fit", model, step(model));
  model.layers.push(new Conv2d(3, 3, 1, { rng }));
  checkNamedLeaves("fit", model, step(model));
  expect(step(model).has(model.parameters()[0])).toBe(true);
});

it("other leaves may be allowed, and another model may be frozen", () => {
  const model = new Linear(4, 4, { rng });
  const input = randn([2, 4], rng, { requiresGrad: true });
  const judge = new Linear(4, 1, { rng });
  const grads = (): Gradients => valueAndGrad(() => mean(judge.forward(model.forward(input)))).grads;
  expect(() => checkNamedLeaves("fit", model, grads(), [input])).toThrow("the weight of a Linear(4 → 1)");
  checkNamedLeaves("fit", model, grads(), [input, ...judge.parameters()]);
  freeze(judge);
  checkNamedLeaves("fit", model, grads(), [input]);
  expect(() => checkNamedLeaves("fit", model, grads())).toThrow(
    "a tensor of shape [2,4] that is not a named parameter",
  );
});

it("a buffer that is trained is told so", () => {
  class Shifted extends Module {
    readonly shift: Tensor = buffer(ones([1]));

    forward(x: Tensor): Tensor {
      return add(x, this.shift);
    }
  }
  const model = new Shifted();
  model.shift.requiresGrad = true;
  expect(() => checkNamedLeaves("fit", model, step(model))).toThrow("fit: a gradient reached a buffer of shape [1]");
});

it("interior tensors whose gradient was asked for are no leaves", () => {
  const model = new Linear(4, 4, { rng });
  const y = model.forward(ones([1, 4]));
  checkNamedLeaves("fit", model, backward(sum(y), { keep: [y] }));
  expect(y.node).not.toBeNull();
});

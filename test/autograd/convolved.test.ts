/** Convolutions of a fused model wait for what follows: the same bits as one operation after the other, computed once. */
import { describe, expect, it } from "vitest";
import { valueAndGrad } from "../../src/autograd/backward.ts";
import { conv2d } from "../../src/autograd/conv.ts";
import { letConvolutionsWait } from "../../src/autograd/convolved.ts";
import { add, mul, relu } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { randn } from "../../src/tensor/create.ts";
import { declareConstant } from "../../src/tensor/memory.ts";
import { profile } from "../../src/tensor/profile.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { deferredOf, type Tensor, valuesOf } from "../../src/tensor/tensor.ts";

interface Layer {
  readonly x: Tensor;
  readonly w: Tensor;
  readonly b: Tensor;
  readonly t: Tensor;
}

function layer(constant: boolean): Layer {
  const rng = new Rng(1);
  const [x, w, b, t] = [[2, 8, 9, 9], [12, 8, 3, 3], [12], [2, 12, 9, 9]].map((shape) => randn(shape, rng));
  // As `fuse` does.
  if (constant) {
    letConvolutionsWait();
    declareConstant(valuesOf(w));
  }
  for (const tensor of [x, w, b, t]) tensor.requiresGrad = true;
  return { x, w, b, t };
}

const convolve = ({ x, w, b }: Layer): Tensor => conv2d(x, w, b, { padding: 1 });

const followers: Readonly<Record<string, (l: Layer) => Tensor>> = {
  "y alone": convolve,
  "relu(y)": (l) => relu(convolve(l)),
  "y + t": (l) => add(convolve(l), l.t),
  "relu(y + t)": (l) => relu(add(convolve(l), l.t)),
  "relu(t + y)": (l) => relu(add(l.t, convolve(l))),
  "relu(y + y′), two convolutions": (l) => relu(add(convolve(l), convolve(l))),
  "relu(y + t + t), a sum of a sum": (l) => relu(add(add(convolve(l), l.t), l.t)),
  "relu(y)·y, read beside": (l) => {
    const y = convolve(l);
    return mul(relu(y), y);
  },
  "relu(s)·s, the sum beside": (l) => {
    const s = add(convolve(l), l.t);
    return mul(relu(s), s);
  },
  "y + a row, broadcast": (l) => relu(add(convolve(l), randn([9], new Rng(2)))),
};

describe("the same bits as with weights that are no constants, which do not wait", () => {
  for (const [name, follow] of Object.entries(followers)) {
    it(name, () => {
      const [waiting, ordinary] = [layer(true), layer(false)];
      for (let i = 0; i < 3; i++) {
        expect(noGrad(() => follow(waiting)).data).toEqual(noGrad(() => follow(ordinary)).data);
      }
      const gradients = (l: Layer): Float32Array[] => {
        const { grads } = valueAndGrad(() => sum(mul(follow(l), l.t)));
        return [l.x, l.w, l.b, l.t].map((t) => grads.get(t)!.data);
      };
      expect(gradients(waiting)).toEqual(gradients(ordinary));
    });
  }
});

it("only constants wait, and only inside a step", () => {
  const [waiting, ordinary] = [layer(true), layer(false)];
  noGrad(() => {
    expect(deferredOf(convolve(waiting))).not.toBeNull();
    expect(deferredOf(convolve(ordinary))).toBeNull();
  });
  expect(deferredOf(convolve(waiting))).toBeNull();
});

it("what follows is computed by the convolution's kernel, once", () => {
  const l = layer(true);
  const { rows } = profile(() => noGrad(() => relu(add(convolve(l), l.t))));
  expect(rows.map(({ kernel, calls }) => `${kernel} ${calls}`)).toEqual(["conv2d 1"]);
});

it("a layer whose output is read beside what follows is computed twice the first time, then once", () => {
  const l = layer(true);
  const calls = (): number =>
    profile(() => noGrad(() => followers["relu(s)·s, the sum beside"](l))).rows.find(
      ({ kernel }) => kernel === "conv2d",
    )!.calls;
  expect([calls(), calls(), calls()]).toEqual([2, 1, 1]);
});

it("an input that is changed before the output is read is an error", () => {
  const { x, w, b } = layer(true);
  x.requiresGrad = false;
  expect(() =>
    noGrad(() => {
      const input = mul(x, 2);
      const y = conv2d(input, w, b, { padding: 1 });
      input.data[0] = 1;
      input.changed();
      return relu(y);
    }),
  ).toThrow("conv2d: an input was changed in place before the output was read: clone() one of them");
});

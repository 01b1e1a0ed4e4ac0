import { describe, expect, it } from "vitest";
import { backward, detach, tap, valueAndGrad } from "../../src/autograd/backward.ts";
import { add, exp, mul, neg, relu, sub } from "../../src/autograd/elementwise.ts";
import { AutogradError, noGrad, record } from "../../src/autograd/graph.ts";
import { sum } from "../../src/autograd/reduce.ts";
import { tensor, zeros } from "../../src/tensor/create.ts";
import { owned, Tensor } from "../../src/tensor/tensor.ts";

const leaf = (values: number[]): Tensor => tensor(values, { requiresGrad: true });

describe("an example", () => {
  it("d/dw Σ w² = 2w", () => {
    const w = leaf([1, 2, 3]);
    expect(
      backward(sum(mul(w, w)))
        .get(w)
        .toArray(),
    ).toEqual([2, 4, 6]);
  });
});

describe("tensors that are used more than once", () => {
  it("a diamond adds up both ways: (x·x + x)·x has derivative 3x² + 2x", () => {
    const x = leaf([2]);
    const y = mul(add(mul(x, x), x), x);
    expect(backward(y).get(x).toArray()).toEqual([16]);
  });

  it("x + x + x counts three uses", () => {
    const x = leaf([1, 2]);
    expect(
      backward(sum(add(add(x, x), x)))
        .get(x)
        .toArray(),
    ).toEqual([3, 3]);
  });

  it("accumulates into a copy: the array that an addition passed on to two inputs is not changed", () => {
    // y = (a + b) + a: the upstream gradient's own array arrives at a and b first, then a receives a second summand.
    const a = leaf([1]);
    const b = leaf([1]);
    const upstream = tensor([1]);
    const grads = backward(add(add(a, b), a), { gradient: upstream });
    expect([grads.get(a).item(), grads.get(b).item(), upstream.item()]).toEqual([2, 1, 1]);
  });

  it("a chain of doublings of depth 60 is walked once per node: 2⁶⁰", () => {
    const x = leaf([1]);
    let y: Tensor = x;
    for (let i = 0; i < 60; i++) y = add(y, y);
    expect(backward(y).get(x).item()).toBe(2 ** 60);
  });
});

describe("depth", () => {
  it("a chain of 100,000 operations back-propagates", () => {
    const x = leaf([1]);
    let y: Tensor = x;
    for (let i = 0; i < 100_000; i++) y = add(y, 1e-5);
    expect(backward(y).get(x).item()).toBe(1);
  });
});

describe("which gradients come back", () => {
  const x = leaf([3]);
  const h = mul(x, 2);
  const y = mul(h, h);

  it("leaves that require gradients, always; interior tensors only when kept", () => {
    const grads = backward(y);
    expect(grads.has(x)).toBe(true);
    expect(grads.has(h)).toBe(false);
    expect(() => grads.get(h)).toThrow(
      "gradients: none for the tensor [1]: it is interior (made by mul): name it in backward(loss, { keep: [t] })",
    );
    const kept = backward(y, { keep: [h, y] });
    expect([kept.get(h).item(), kept.get(y).item(), kept.get(x).item()]).toEqual([12, 1, 24]);
  });

  it("stopAt treats an interior tensor as a leaf: nothing behind it is visited", () => {
    let visited = false;
    const inner = tap(mul(x, 2), () => {
      visited = true;
    });
    const grads = backward(mul(inner, inner), { stopAt: [inner] });
    expect(grads.get(inner).item()).toBe(12);
    expect(grads.has(x)).toBe(false);
    expect(visited).toBe(false);
  });

  it("constants and tensors outside the graph have none, and the error says why", () => {
    const constant = tensor([1]);
    const unused = leaf([1]);
    const grads = backward(mul(x, constant));
    expect(() => grads.get(constant)).toThrow("it does not require gradients");
    expect(() => grads.get(unused)).toThrow("the loss does not depend on it");
  });

  it("lists pairs of tensor and gradient", () => {
    expect([...backward(y).entries()].map(([t, g]) => [t === x, g.item()])).toEqual([[true, 24]]);
  });
});

describe("a second backward", () => {
  it("gives the same gradients again: the graph is not consumed and nothing accumulates", () => {
    const x = leaf([3]);
    const y = mul(x, x);
    expect(backward(y).get(x).item()).toBe(6);
    expect(backward(y).get(x).item()).toBe(6);
  });
});

describe("a loss that is not a scalar", () => {
  it("is an error that shows the shape", () => {
    expect(() => backward(mul(leaf([1, 2]), 2))).toThrow(AutogradError);
    expect(() => backward(mul(leaf([1, 2]), 2))).toThrow(
      "backward: the loss must be a single number, this tensor is [2]: reduce it (mean, sum), or pass an upstream { gradient }",
    );
  });

  it("is fine with an upstream gradient of its shape: a vector-Jacobian product", () => {
    const x = leaf([1, 2]);
    const grads = backward(mul(x, x), { gradient: tensor([10, 100]) });
    expect(grads.get(x).toArray()).toEqual([20, 400]);
    expect(() => backward(mul(x, x), { gradient: tensor([1]) })).toThrow(
      "backward: the upstream gradient [1] must have the root's shape [2]",
    );
  });

  it("one element in any shape counts as a scalar", () => {
    const x = tensor([[3]], { requiresGrad: true });
    expect(backward(mul(x, x)).get(x).toArray()).toEqual([[6]]);
  });
});

describe("a loss that was not recorded", () => {
  it("is an error that says so", () => {
    const message = "was not recorded";
    expect(() => backward(mul(tensor([1]), 2))).toThrow(message);
    expect(() => backward(noGrad(() => mul(leaf([1]), 2)))).toThrow(message);
    expect(() => backward(detach(mul(leaf([1]), 2)))).toThrow(message);
  });
});

describe("a tensor changed between forward and backward", () => {
  it("is an error that names the operation and which input", () => {
    const x = leaf([3]);
    const y = mul(x, x);
    x.assign([4]);
    expect(() => backward(y)).toThrow(
      "backward: input 0 [1] of mul was changed in place after the forward pass: run the forward pass again before backward",
    );
  });

  it("names the output", () => {
    const x = leaf([3]);
    const h = exp(x);
    const y = neg(h);
    h.assign([1]);
    expect(() => backward(y)).toThrow("backward: input 0 [1] of neg was changed");
    expect(() => backward(h)).toThrow("backward: the output [1] of exp was changed");
  });

  it("is fine for a tensor that was changed before the forward pass", () => {
    const x = leaf([3]);
    x.assign([5]);
    expect(backward(mul(x, x)).get(x).item()).toBe(10);
  });
});

describe("noGrad, detach, tap, valueAndGrad", () => {
  it("noGrad records nothing inside, and records again afterwards even if the function throws", () => {
    const x = leaf([1]);
    expect(noGrad(() => noGrad(() => mul(x, 2))).node).toBeNull();
    expect(() =>
      noGrad(() => {
        throw new Error("inside");
      }),
    ).toThrow("inside");
    expect(mul(x, 2).node?.op).toBe("mul");
  });

  it("detach stops the gradient: d/dx x·detach(x) = x", () => {
    const x = leaf([3]);
    expect(
      backward(mul(x, detach(x)))
        .get(x)
        .item(),
    ).toBe(3);
  });

  it("tap shows the gradient that passes and changes nothing", () => {
    const x = leaf([1, 2]);
    const seen: unknown[] = [];
    const y = sum(
      tap(mul(x, 3), (gy) => {
        seen.push(gy.toArray());
      }),
    );
    expect(backward(y).get(x).toArray()).toEqual([3, 3]);
    expect(seen).toEqual([[1, 1]]);
  });

  it("valueAndGrad takes a loss, or an object with a loss and whatever else should leave", () => {
    const x = leaf([3]);
    const step = valueAndGrad(() => {
      const h = mul(x, 2);
      return { loss: mul(h, h), h };
    });
    expect([step.value.loss.item(), step.value.h.item(), step.grads.get(x).item()]).toEqual([36, 6, 24]);
    expect(valueAndGrad(() => mul(x, x)).value.item()).toBe(9);
  });

  it("computes only the gradients that are needed", () => {
    const asked: (readonly boolean[])[] = [];
    const spy = (a: Tensor, b: Tensor): Tensor =>
      record("spy", new Tensor(a.data, a.shape), [a, b], (gy, needed) => {
        asked.push(needed);
        return [gy, null];
      });
    backward(spy(leaf([1]), tensor([1])));
    expect(asked).toEqual([[true, false]]);
  });

  it("a rule may send null: inputs behind it get nothing", () => {
    const x = leaf([1]);
    const blocked = record("blocked", zeros([1]), [mul(x, 2)], () => [null]);
    expect(backward(blocked).has(x)).toBe(false);
  });
});

describe("float32 or float64", () => {
  it("gradients have the storage type of the loss's graph", () => {
    const x = owned(Float64Array.of(0.1), [1], true);
    const gradient = backward(relu(sub(mul(x, 3), 0.1))).get(x);
    expect(gradient.data).toBeInstanceOf(Float64Array);
    expect(gradient.item()).toBe(3);
  });
});

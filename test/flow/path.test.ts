import { describe, expect, it } from "vitest";
import { backward, tap } from "../../src/autograd/backward.ts";
import { add, div, exp, mul, neg, relu, sigmoid, sub } from "../../src/autograd/elementwise.ts";
import { pad, reshape, slice } from "../../src/autograd/shape.ts";
import { gradientAlong, shortcutPath, worstEffect } from "../../src/flow/path.ts";
import { randn, tensor } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const rng = new Rng(7);
const input = (): Tensor => randn([2, 4], rng, { requiresGrad: true });
/** A branch whose Jacobian is not the identity. */
const branch = (x: Tensor): Tensor => exp(mul(x, 0.3));

/** The operations and effects on the shortcut of y = f(x). */
function pathOf(f: (x: Tensor) => Tensor): string {
  const x = input();
  const path = shortcutPath(f(x), x);
  return path
    ? path
        .map(({ op, effect, factor }) => `${op}:${effect}${effect === "scale" ? `(${factor?.toFixed(2)})` : ""}`)
        .join(" ")
    : "none";
}

describe("finding the shortcut", () => {
  it.each<[string, (x: Tensor) => Tensor, string]>([
    ["x + F(x)", (x) => add(x, branch(x)), "add:identity"],
    ["F(x) + x", (x) => add(branch(x), x), "add:identity"],
    ["relu(x + F(x))", (x) => relu(add(x, branch(x))), "relu:mask add:identity"],
    ["two blocks", (x) => ((h) => add(h, branch(h)))(add(x, branch(x))), "add:identity add:identity"],
    [
      "through a tap and a reshape",
      (x) =>
        reshape(
          tap(add(x, branch(x)), () => {}),
          [8],
        ),
      "reshape:identity tap:identity add:identity",
    ],
    ["0.5·x + F(x)", (x) => add(mul(x, 0.5), branch(x)), "add:identity mul:scale(0.50)"],
    ["x / 4 + F(x)", (x) => add(div(x, 4), branch(x)), "add:identity div:scale(0.25)"],
    ["−x + F(x)", (x) => add(neg(x), branch(x)), "add:identity neg:scale(-1.00)"],
    ["x − 1 + F(x)", (x) => add(sub(x, 1), branch(x)), "add:identity sub:identity"],
    ["a highway", (x) => ((t) => add(mul(t, branch(x)), mul(sub(1, t), x)))(sigmoid(x)), "add:identity mul:gate"],
    [
      "option A",
      (x) =>
        add(
          pad(slice(x, [null, [0, 4, 2]]), [
            [0, 0],
            [1, 1],
          ]),
          branch(x),
        ),
      "add:identity pad:selection slice:selection",
    ],
    ["exp(x) + F(x): both sides transform", (x) => add(exp(x), branch(x)), "add:identity exp:transform"],
    ["F(x): plain", (x) => branch(x), "none"],
    ["relu(F(F(x))): plain", (x) => relu(branch(branch(x))), "none"],
    ["F(x) + 1: an addition that joins nothing", (x) => add(branch(x), 1), "none"],
    ["x itself", (x) => x, "none"],
  ])("%s", (_, f, expected) => {
    expect(pathOf(f)).toBe(expected);
  });

  it("prefers the less harmful of two shortcuts", () => {
    expect(pathOf((x) => add(add(mul(x, 0.5), branch(x)), x))).toBe("add:identity");
  });

  it("a broadcast operand gets a sum, not the gradient", () => {
    const x = tensor([[1, 2, 3]], { requiresGrad: true });
    const y = add(x, mul(add(x, 0), tensor([[1], [1]])));
    expect(shortcutPath(y, x)?.[0].effect).toBe("transform");
  });

  it("names the most harmful effect", () => {
    const x = input();
    expect(worstEffect(shortcutPath(relu(add(mul(x, 0.5), branch(x))), x)!)).toBe("scale");
    expect(worstEffect([])).toBe("identity");
  });
});

describe("sending a gradient along the path", () => {
  it("x + F(x): the upstream gradient itself, the same array", () => {
    const x = input();
    const gy = randn([2, 4], rng).data;
    expect(gradientAlong(shortcutPath(add(x, branch(x)), x)!, gy)).toBe(gy);
  });

  it("λx + F(x): λ times it; and with the branch's product it makes up the whole gradient", () => {
    const x = input();
    const f = branch(x);
    const y = add(mul(x, 0.5), f);
    const gradient = randn([2, 4], rng);
    const along = gradientAlong(shortcutPath(y, x)!, gradient.data);
    expect(Array.from(along)).toEqual(Array.from(gradient.data, (v) => 0.5 * v));
    const whole = backward(y, { gradient }).get(x).data;
    const branchPart = backward(f, { gradient }).get(x).data;
    whole.forEach((v, i) => {
      expect(Math.abs(v - branchPart[i] - along[i])).toBeLessThan(1e-6);
    });
  });
});

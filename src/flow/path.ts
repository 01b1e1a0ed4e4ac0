/**
 * The shortcut path: how a gradient gets from a block's output to its input without passing the branch.
 *
 * For y = x + F(x) the chain rule gives ∂L/∂x = ∂L/∂y + J_Fᵀ ∂L/∂y (He et al. 2016, "Identity Mappings in Deep Residual
 * Networks", eq. 5). The first summand travels along a path of the recorded graph that is made only of additions and
 * identities. This file finds that path, classifies the effect of each operation on it, and sends a gradient along it.
 * Next: certificate.ts, which proves things with it.
 */
import { backward } from "../autograd/backward.ts";
import { type Node, needsGrad, nodesBefore } from "../autograd/graph.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { allocateLasting, type Floats, numbersOf, toValues } from "../tensor/memory.ts";
import { sameShape } from "../tensor/shape.ts";
import { owned, peek, type Tensor } from "../tensor/tensor.ts";

/**
 * The effect of an operation on a gradient that passes it, from harmless to harmful:
 *
 * - `identity`: nothing. Additions, reshapes, taps.
 * - `selection`: entries pass unchanged or are dropped, whatever the weights. The subsampling and zero-padding of the
 *   parameter-free shortcut (He et al. 2015, option A).
 * - `mask`: entries pass or are dropped depending on the values. A ReLU after the addition, dropout.
 * - `scale`: multiplied by a constant λ; L such blocks give λ^L.
 * - `gate`: multiplied by a learned or computed factor, as in Highway Networks.
 * - `transform`: anything else, such as a projection's convolution.
 */
export type Effect = "identity" | "selection" | "mask" | "scale" | "gate" | "transform";

/** From harmless to harmful; also the order in which paths are preferred. */
export const EFFECTS: readonly Effect[] = ["identity", "selection", "mask", "scale", "gate", "transform"];

/** Costs such that one harmful step outweighs any number of less harmful ones on paths of up to 999 steps. */
export const COST: Readonly<Record<Effect, number>> = {
  identity: 0,
  selection: 1,
  mask: 1e3,
  scale: 1e6,
  gate: 1e9,
  transform: 1e12,
};

/** One operation on a path, crossed from its output to one of its inputs. */
export interface PathStep {
  readonly op: string;
  readonly effect: Effect;
  /** The factor of entries that pass, if it is one number for all, whatever the values: λ of a constant scale, 1. */
  readonly factor: number | null;
  readonly node: Node;
  /** The operation's input to which the path goes. */
  readonly input: number;
}

const IDENTITY_OPS: ReadonlySet<string> = new Set(["tap", "reshape", "flatten", "squeeze", "unsqueeze"]);
const SELECTION_OPS: ReadonlySet<string> = new Set([
  ...["slice", "pad", "concat", "stack", "indexSelect", "gather", "permute", "transpose"],
]);
/** Entries pass unchanged or not at all. */
const MASK_OPS: ReadonlySet<string> = new Set(["relu", "clamp", "maximum", "minimum", "maxPool2d"]);

/** The effect of `node` on a gradient on its way from the output to input number `input`. */
export function effectOf(node: Node, input: number): Pick<PathStep, "effect" | "factor"> {
  const { op, inputs, output } = node;
  /** Multiplication by a constant: one number, or many. By anything else: a gate. */
  const by = (t: Tensor, factor: (value: number) => number): Pick<PathStep, "effect" | "factor"> =>
    needsGrad(t)
      ? { effect: "gate", factor: null }
      : { effect: "scale", factor: t.size === 1 ? factor(t.item()) : null };
  const unchanged = (effect: Effect): Pick<PathStep, "effect" | "factor"> => ({ effect, factor: 1 });
  const scale = (factor: number | null): Pick<PathStep, "effect" | "factor"> => ({ effect: "scale", factor });

  if (IDENTITY_OPS.has(op)) return unchanged("identity");
  if (SELECTION_OPS.has(op)) return unchanged("selection");
  if (op === "maxPool2d" || op === "topK") return unchanged("mask");
  // An input that is stretched by broadcasting receives a sum, not the gradient itself.
  if (!sameShape(inputs[input].shape, output.shape)) return TRANSFORM;
  if (MASK_OPS.has(op)) return unchanged("mask");
  if (op === "where" && input > 0) return unchanged("mask");
  switch (op) {
    case "dropout":
      // Entries that are kept are multiplied by 1/(1 − p).
      return { effect: "mask", factor: null };
    case "leakyRelu":
    case "abs":
      return scale(null);
    case "add":
      return unchanged("identity");
    case "sub":
      return input === 0 ? unchanged("identity") : scale(-1);
    case "neg":
      return scale(-1);
    case "mul":
      return by(inputs[1 - input], (value) => value);
    case "div":
      return input === 1 ? TRANSFORM : by(inputs[1], (value) => 1 / value);
    default:
      return TRANSFORM;
  }
}

const TRANSFORM: Pick<PathStep, "effect" | "factor"> = { effect: "transform", factor: null };

/**
 * The least harmful path of the recorded graph from `y` back to `x`: empty if y is x, null if x was not used.
 *
 * @param allows whether it may take an edge. Default: all edges.
 */
export function pathBetween(
  y: Tensor,
  x: Tensor,
  allows: (node: Node, input: number) => boolean = () => true,
): PathStep[] | null {
  if (y === x) return [];
  // Nodes come newest first, so each tensor's cheapest way from y is known before its node is looked at.
  const best = new Map<Tensor, { cost: number; step: PathStep | null }>([[y, { cost: 0, step: null }]]);
  for (const node of nodesBefore(y, [x])) {
    const here = best.get(node.output);
    if (!here) continue;
    node.inputs.forEach((t, input) => {
      if (!needsGrad(t) || !allows(node, input)) return;
      const { effect, factor } = effectOf(node, input);
      const cost = here.cost + COST[effect];
      const known = best.get(t);
      if (known && known.cost <= cost) return;
      const step: PathStep = { op: node.op, effect, factor, node, input };
      best.set(t, { cost, step });
    });
  }
  const path: PathStep[] = [];
  for (let at = best.get(x); at?.step; at = best.get(at.step.node.output)) path.unshift(at.step);
  return path.length > 0 ? path : null;
}

/**
 * The shortcut from `y` back to `x`: the least harmful path, if some addition on it joins it with a second way from x.
 * Null without such an addition, as in a plain network.
 *
 * @example
 * const x = tensor([1, -2], { requiresGrad: true });
 * const y = relu(add(x, tanh(x))); // a residual block with a ReLU after the addition
 * shortcutPath(y, x)?.map(({ effect }) => effect); // ["mask", "identity"]
 * shortcutPath(tanh(x), x); // null
 *
 * @throws UsageError for anything but tensors.
 */
export function shortcutPath(y: Tensor, x: Tensor): PathStep[] | null {
  checkTensor("shortcutPath", "y", y);
  checkTensor("shortcutPath", "x", x);
  const path = pathBetween(y, x);
  return path?.some((step) => joinsAnotherWay(step, x)) ? path : null;
}

/** Whether the step crosses an addition whose other operand was also computed from x. */
function joinsAnotherWay({ node, input }: PathStep, x: Tensor): boolean {
  if (node.op !== "add") return false;
  const other = node.inputs[1 - input];
  return other === x || nodesBefore(other, [x]).some((n) => n.inputs.includes(x));
}

/** The most harmful effect on a path; `identity` for an empty one. */
export function worstEffect(path: readonly PathStep[]): Effect {
  return path.reduce<Effect>(
    (worst, { effect }) => (EFFECTS.indexOf(effect) > EFFECTS.indexOf(worst) ? effect : worst),
    "identity",
  );
}

/** Sends the gradient `gy`, which arrives at the path's start, along this path only: the shortcut's summand of ∂L/∂x. */
export function gradientAlong(path: readonly PathStep[], gy: Floats): Floats {
  return path.reduce((g, { node, input }) => {
    const sent = node.rule(
      toValues(g),
      node.inputs.map((_, i) => i === input),
    );
    return numbersOf(sent[input]!);
  }, gy);
}

/** The vector-Jacobian product of everything between y and x except the path: J_Fᵀ∂L/∂y for y = x + F(x). */
export function gradientOffPath(path: readonly PathStep[], x: Tensor, gy: Floats): Floats {
  const total = allocateLasting(x.size, toValues(gy));
  let g = gy;
  for (const { node, input } of path) {
    const needed = node.inputs.map(needsGrad);
    const sent = node.rule(toValues(g), needed);
    node.inputs.forEach((t, i) => {
      const gt = sent[i];
      if (i === input || !needed[i] || !gt) return;
      addInto(total, productFrom(t, x, numbersOf(gt)));
    });
    g = numbersOf(sent[input]!);
  }
  return total;
}

/**
 * The vector-Jacobian product from `t` back to x: the contribution of the gradient `gt` at `t` to x; undefined if `t`
 * was not computed from x.
 */
export function productFrom(t: Tensor, x: Tensor, gt: Floats): Floats | undefined {
  if (t === x) return gt;
  if (!t.node) return undefined;
  const grads = backward(t, { gradient: owned(gt, t.shape), stopAt: [x] });
  return grads.has(x) ? peek(grads.get(x)) : undefined;
}

function addInto(total: Floats, values: Floats | undefined): void {
  if (values) for (let i = 0; i < total.length; i++) total[i] += values[i];
}

/**
 * The shortcut path: how a gradient gets from a block's output to its input without passing the branch.
 *
 * For y = x + F(x) the chain rule gives ∂L/∂x = ∂L/∂y + J_Fᵀ ∂L/∂y (He et al. 2016, "Identity Mappings in Deep Residual
 * Networks", eq. 5). The first summand travels along a path of the recorded graph that is made only of additions and
 * identities. This file finds that path, says what each operation on it does to a gradient, and sends a gradient along
 * it. Next: certificate.ts, which proves things with it.
 */
import { type Node, nodesBefore } from "../autograd/graph.ts";
import type { Floats } from "../tensor/memory.ts";
import { sameShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * What an operation does to a gradient that passes it, from harmless to harmful:
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
const COST: Readonly<Record<Effect, number>> = {
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
  /** The factor, where the effect is a constant scale. */
  readonly factor?: number;
  readonly node: Node;
  /** Which input of the operation the path goes to. */
  readonly input: number;
}

const IDENTITY_OPS: ReadonlySet<string> = new Set(["tap", "reshape", "flatten", "squeeze", "unsqueeze"]);
const SELECTION_OPS: ReadonlySet<string> = new Set(["slice", "pad", "concat", "indexSelect", "permute", "transpose"]);
const MASK_OPS: ReadonlySet<string> = new Set(["relu", "dropout"]);

/** What `node` does to a gradient on its way from the output to input number `input`. */
export function effectOf(node: Node, input: number): { effect: Effect; factor?: number } {
  const { op, inputs, output } = node;
  const constant = (t: Tensor | undefined): number | undefined =>
    t && t.size === 1 && !t.requiresGrad && !t.node ? t.item() : undefined;
  const scale = (factor: number): { effect: Effect; factor: number } => ({ effect: "scale", factor });

  if (IDENTITY_OPS.has(op)) return { effect: "identity" };
  if (SELECTION_OPS.has(op)) return { effect: "selection" };
  if (MASK_OPS.has(op)) return { effect: "mask" };
  // An input that is stretched by broadcasting receives a sum, not the gradient itself.
  if (!sameShape(inputs[input].shape, output.shape)) return { effect: "transform" };
  switch (op) {
    case "add":
      return { effect: "identity" };
    case "sub":
      return input === 0 ? { effect: "identity" } : scale(-1);
    case "neg":
      return scale(-1);
    case "mul": {
      const factor = constant(inputs[1 - input]);
      return factor === undefined ? { effect: "gate" } : scale(factor);
    }
    case "div": {
      const divisor = constant(inputs[1]);
      if (input === 1) return { effect: "transform" };
      return divisor === undefined ? { effect: "gate" } : scale(1 / divisor);
    }
    default:
      return { effect: "transform" };
  }
}

/**
 * The shortcut from `y` back to `x`: the least harmful path of the recorded graph on which some addition joins it with
 * a second way from x. Null where there is no such addition, as in a plain network.
 */
export function shortcutPath(y: Tensor, x: Tensor): PathStep[] | null {
  // Nodes come newest first, so each tensor's cheapest way from y is known before its node is looked at.
  const nodes = nodesBefore(y, [x]);
  const best = new Map<Tensor, { cost: number; step: PathStep | null }>([[y, { cost: 0, step: null }]]);
  for (const node of nodes) {
    const here = best.get(node.output);
    if (!here) continue;
    node.inputs.forEach((t, input) => {
      if (!t.node && !t.requiresGrad) return;
      const { effect, factor } = effectOf(node, input);
      const cost = here.cost + COST[effect];
      const known = best.get(t);
      if (known && known.cost <= cost) return;
      const step: PathStep = { op: node.op, effect, node, input, ...(factor === undefined ? {} : { factor }) };
      best.set(t, { cost, step });
    });
  }
  const path: PathStep[] = [];
  for (let at = best.get(x); at?.step; at = best.get(at.step.node.output)) path.unshift(at.step);
  return path.some((step) => joinsAnotherWay(step, x)) ? path : null;
}

/** Whether the step crosses an addition whose other operand was computed from x too. */
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

/** Sends the gradient `gy`, which arrives at the path's start, along the path alone: the shortcut's summand of ∂L/∂x. */
export function gradientAlong(path: readonly PathStep[], gy: Floats): Floats {
  return path.reduce((g, { node, input }) => {
    const sent = node.rule(
      g,
      node.inputs.map((_, i) => i === input),
    );
    return sent[input]!;
  }, gy);
}

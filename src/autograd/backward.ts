/**
 * Reverse-mode differentiation: from a loss back to everything it was computed from.
 *
 * With L the loss and y computed from x, the chain rule says ∂L/∂x = Σ over all uses of x of (∂y/∂x)ᵀ ∂L/∂y. Each node
 * knows its own factor, its `rule`. `backward` visits the nodes newest first, so a node's upstream gradient is complete
 * when its turn comes, and it adds up the gradients from all uses of a tensor. It returns gradients as a value: nothing
 * accumulates on the tensors, so there is nothing to zero.
 */
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { broadcastGeometry } from "../tensor/geometry/broadcast.ts";
import { keepIfIn } from "../tensor/given-back.ts";
import { allocate, currentStep, type Values } from "../tensor/memory.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import { asStep } from "../tensor/step.ts";
import { callNow, checkNow } from "../tensor/sync.ts";
import { computed, isTensor, type Tensor, valuesOf, viewOf } from "../tensor/tensor.ts";
import { kernels } from "../tensor/tier.ts";
import { copyOf, filled } from "./arrays.ts";
import { asPass } from "./checkpoint.ts";
import { Gradients } from "./gradients.ts";
import { AutogradError, type Node, needsGrad, nodesBefore, recordLinear } from "./graph.ts";
import { Holders } from "./holders.ts";
import { type Spending, spendingAllBut } from "./spend.ts";

export { Gradients };

/** Options of `backward`. */
export interface BackwardOptions {
  /**
   * Interior tensors whose gradients should also be in the result. Leaves that require gradients are always included.
   */
  keep?: readonly Tensor[];
  /** The upstream gradient ∂L/∂(root), for a root that is not a scalar loss: the v of a vector-Jacobian product vᵀJ. */
  gradient?: Tensor;
  /** Interior tensors to treat as leaves: they get their gradient, and nothing before them is visited. */
  stopAt?: readonly Tensor[];
  /** The leaves whose gradients are wanted; others are not visited. Default: all that require gradients. */
  only?: readonly Tensor[];
}

const OPTIONS: OptionNames<BackwardOptions> = { keep: true, gradient: true, stopAt: true, only: true };

/**
 * The gradients of `root` with respect to every leaf that requires them.
 *
 * The graph is not consumed: a second call gives the same gradients again.
 *
 * @example
 * const w = tensor([1, 2, 3], { requiresGrad: true });
 * const loss = sum(mul(w, w));
 * backward(loss).get(w).toArray(); // [2, 4, 6]
 *
 * @throws AutogradError if `root` is not a scalar and no upstream `gradient` is given, if it was not recorded, or if a
 * tensor of the graph was changed after the forward pass.
 */
export function backward(root: Tensor, options: BackwardOptions = {}): Gradients {
  return differentiate(root, options, null);
}

/** `backward`, with what `spending` does after each node. */
function differentiate(root: Tensor, options: BackwardOptions, spending: Spending | null): Gradients {
  checkTensor("backward", "the loss", root);
  checkOptions("backward", options, OPTIONS);
  const { keep = [], gradient, stopAt = [], only } = options;
  for (const [name, list] of Object.entries({ keep, stopAt, only: only ?? [] })) {
    for (const t of list) checkTensor("backward", `every tensor of ${name}`, t);
  }
  const seed = seedGradient(root, gradient);
  const nodes = nodesBefore(root, stopAt);
  const leading = new Set([...(only ?? []), ...keep, ...stopAt]);
  const wanted = only ? leadingTo(nodes, leading) : needsGrad;
  const kept = new Set([...keep, ...stopAt, ...(only ?? [])]);
  const result = new Map<Tensor, Tensor>();
  const given = new Set<Values>();
  const pending = new Map<Tensor, Values>([[root, seed]]);
  const holders = new Holders();
  holders.hold(seed);

  /** Removes and returns the gradient that has arrived at t. If the caller asked for it, the result keeps it. */
  const finish = (t: Tensor): Values | undefined => {
    const arrived = pending.get(t);
    if (!arrived) return undefined;
    pending.delete(t);
    if (!t.node || kept.has(t)) {
      // Two tensors may share one gradient array here; a write to one must not show in the other.
      result.set(t, computed(given.has(arrived) ? copyOf(arrived) : arrived, t.shape));
      given.add(arrived);
      holders.hold(arrived);
    }
    return arrived;
  };

  /** Sends the gradient gy of a node's output on to its inputs. */
  const pass = (node: Node, gy: Values): void => {
    checkUnchanged(node);
    const needed = node.inputs.map(wanted);
    const sent = needed.includes(true) ? node.rule(gy, needed) : [];
    for (const gx of sent) {
      if (!gx) continue;
      holders.hold(gx);
      for (const t of [node.output, ...node.inputs]) if (keepIfIn(t, gx)) holders.hold(gx);
    }
    node.inputs.forEach((input, i) => {
      const gx = sent[i];
      if (needed[i] && gx) accumulate(pending, input, gx, holders);
    });
    for (const gx of sent) if (gx) holders.drop(gx);
    holders.drop(gy);
  };

  const isHeld = (array: Values): boolean => holders.has(array);
  const visit = (nodes: readonly Node[], done?: (node: Node) => void): void => {
    for (const node of nodes) {
      const gy = finish(node.output);
      // A rule may have sent null (the output is used, but its gradient was not needed).
      if (gy) node.again ? passAgain(node, gy) : pass(node, gy);
      done?.(node);
    }
  };

  /** Goes on with the nodes inside a checkpoint, as if they had been in the graph all along. */
  const passAgain = (node: Node, gy: Values): void => {
    checkUnchanged(node);
    node.again!((y, nodes, done) => {
      if (only) leadingTo(nodes, leading);
      if (!y.node) {
        holders.drop(gy);
        return;
      }
      pending.set(y, gy);
      visit(nodes, done);
    }, isHeld);
  };

  // The seed may be the caller's, and a rule may pass on arrays from the forward pass, which belong to the graph: hold
  // these for ever.
  holders.hold(seed);
  if (gradient) given.add(seed);
  visit(nodes, spending?.(nodes, isHeld));
  for (const leaf of [...pending.keys()]) finish(leaf);
  return new Gradients(result);
}

/** Adds what was computed from tensors in `reached`, and tells whether t is in it; `nodes` are newest first. */
function leadingTo(nodes: readonly Node[], reached: Set<Tensor>): (t: Tensor) => boolean {
  for (const { inputs, output } of [...nodes].reverse()) {
    if (inputs.some((t) => reached.has(t))) reached.add(output);
  }
  return (t) => reached.has(t);
}

/** Adds `gx` to the gradient so far at `t`: in place, unless that array has another holder. */
function accumulate(pending: Map<Tensor, Values>, t: Tensor, gx: Values, holders: Holders): void {
  const arrived = pending.get(t);
  if (arrived && holders.isOnly(arrived)) {
    kernels.addScaled(1, gx, arrived);
    return;
  }
  let sum = gx;
  if (arrived) {
    sum = allocate(gx.length, gx);
    kernels.binary("add", arrived, gx, sum, broadcastGeometry("add", t.shape, t.shape));
    holders.drop(arrived);
  }
  pending.set(t, sum);
  holders.hold(sum);
}

function seedGradient(root: Tensor, gradient: Tensor | undefined): Values {
  if (!needsGrad(root)) {
    throw new AutogradError(
      `backward: the tensor ${formatShape(root.shape)} was not recorded: none of its inputs requires gradients, or it was computed under noGrad or detached`,
    );
  }
  if (gradient) {
    checkTensor("backward", "gradient", gradient);
    if (!sameShape(gradient.shape, root.shape)) {
      throw new AutogradError(
        `backward: the upstream gradient ${formatShape(gradient.shape)} must have the root's shape ${formatShape(root.shape)}`,
      );
    }
    return valuesOf(gradient);
  }
  if (root.size !== 1) {
    throw new AutogradError(
      `backward: the loss must be a single number, this tensor is ${formatShape(root.shape)}: reduce it (mean, sum), or pass an upstream { gradient }`,
    );
  }
  return filled(1, 1, valuesOf(root));
}

function checkUnchanged({ op, inputs, output, versions }: Node): void {
  const fail = (which: string, { shape }: Tensor): never => {
    throw new AutogradError(
      `backward: ${which} ${formatShape(shape)} of ${op} was changed in place after the forward pass: run the forward pass again before backward`,
    );
  };
  for (let i = 0; i < inputs.length; i++) if (inputs[i].version !== versions[i]) fail(`input ${i}`, inputs[i]);
  if (output.version !== versions[inputs.length]) fail("the output", output);
}

/** The return value of `valueAndGrad`'s function: the loss, or an object with the loss and anything else to keep. */
export type LossLike = Tensor | { readonly loss: Tensor };

/**
 * One step: runs `fn`, then `backward` from the loss it returns. Everything computed inside is recycled when the step
 * ends; the gradients and the result of `fn` live on.
 *
 * @example
 * const { value, grads } = valueAndGrad(() => {
 *   const logits = model.forward(images);
 *   return { loss: crossEntropy(logits, labels), logits };
 * });
 * optimizer.step(grads);
 */
export function valueAndGrad<T extends LossLike>(
  fn: () => T,
  options: BackwardOptions = {},
): { value: T; grads: Gradients } {
  checkNow("valueAndGrad", "fn", fn);
  // Inside another step the program goes on after this pass, and may read what it holds.
  const outermost = currentStep() === undefined;
  const pass = (): { value: T; grads: Gradients } => {
    const value = callNow("valueAndGrad", "fn", fn);
    const loss = isTensor(value) ? value : (value as { readonly loss: Tensor } | undefined)?.loss;
    checkTensor("valueAndGrad", "the loss returned by fn", loss);
    return { value, grads: differentiate(loss, options, outermost ? spendingAllBut(value) : null) };
  };
  return asStep(() => asPass(pass));
}

/**
 * y = x; each time a gradient ∂L/∂y passes, `look` gets a copy of it.
 *
 * @example
 * const x = tensor([1, 2], { requiresGrad: true });
 * const y = tap(mul(x, 3), (gy) => console.log(gy.toArray())); // backward(sum(y)) prints [1, 1]
 */
export function tap(x: Tensor, look: (gy: Tensor) => void): Tensor {
  checkTensor("tap", "x", x);
  checkNow("tap", "look", look);
  return recordLinear("tap", viewOf(x, x.shape), [x], (gy) => {
    callNow("tap", "look", look, computed(copyOf(gy), x.shape));
    return [gy];
  });
}

/**
 * The same values outside the graph: gradients stop here. The storage is shared.
 *
 * @example
 * const x = tensor([3], { requiresGrad: true });
 * const y = mul(x, detach(x)); // x·c, where c happens to be 3
 * backward(sum(y)).get(x)?.toArray(); // [3]
 */
export function detach(x: Tensor): Tensor {
  checkTensor("detach", "x", x);
  return viewOf(x, x.shape);
}

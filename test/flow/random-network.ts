/**
 * Random residual networks, described as data, and what a certificate must say about them by the definition: the verdict on
 * a block is the most harmful of the operations that its shortcut consists of. The definition is written here a second time,
 * with names and an order of its own.
 */
import fc from "fast-check";
import { tap } from "../../src/autograd/backward.ts";
import { add, mul, neg, relu, sigmoid, sub } from "../../src/autograd/elementwise.ts";
import { pad, reshape, slice } from "../../src/autograd/shape.ts";
import type { ShortcutVerdict } from "../../src/flow/certificate.ts";
import { Linear, Module, Sequential, Tanh } from "../../src/nn/index.ts";
import type { ResidualBlock } from "../../src/resnet/index.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

export const FEATURES = 8;

export type Operation =
  | "tap"
  | "reshape"
  | "zero"
  | "drop"
  | "relu"
  | "negate"
  | "half"
  | "sevenTenths"
  | "gate"
  | "carry"
  | "linear";

/** How harmful each is: what He et al. 2016 leave alone is 0, a learned transformation 5. */
const HARM: Readonly<Record<Operation, number>> = {
  tap: 0,
  reshape: 0,
  zero: 0,
  drop: 1,
  relu: 2,
  negate: 3,
  half: 3,
  sevenTenths: 3,
  gate: 4,
  carry: 4,
  linear: 5,
};
const WORDS: readonly ShortcutVerdict[] = ["identity", "selection", "mask", "scale", "gate", "transform"];

export interface BlockPlan {
  /** Operations between x and the addition; null for a plain block. */
  readonly shortcut: readonly Operation[] | null;
  /** Operations between the addition and y. */
  readonly after: readonly Operation[];
  readonly addsShortcutFirst: boolean;
}

/** Mostly harmless, so that whole networks are certified often enough. */
const operations = (maxLength: number): fc.Arbitrary<Operation[]> =>
  fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom<Operation>("tap", "reshape", "zero", "drop") },
      { weight: 1, arbitrary: fc.constant<Operation>("relu") },
      { weight: 2, arbitrary: fc.constantFrom(...(Object.keys(HARM) as Operation[])) },
    ),
    { maxLength },
  );

const blockPlan: fc.Arbitrary<BlockPlan> = fc.record({
  shortcut: fc.oneof({ weight: 9, arbitrary: operations(3) }, { weight: 1, arbitrary: fc.constant(null) }),
  after: fc.oneof({ weight: 4, arbitrary: fc.constant<Operation[]>([]) }, { weight: 1, arbitrary: operations(2) }),
  addsShortcutFirst: fc.boolean(),
});

export const networkPlan: fc.Arbitrary<BlockPlan[]> = fc.array(blockPlan, { minLength: 1, maxLength: 4 });

/** By the definition. */
export function expectedVerdict({ shortcut, after }: BlockPlan): ShortcutVerdict {
  return shortcut === null ? "none" : WORDS[Math.max(0, ...[...shortcut, ...after].map((op) => HARM[op]))];
}

export function buildNetwork(plans: readonly BlockPlan[], seed: number): Sequential {
  const rng = new Rng(seed);
  return new Sequential(...plans.map((plan) => new RandomBlock(plan, rng)));
}

class RandomBlock extends Module implements ResidualBlock {
  readonly shortcut: "identity" | "none";
  readonly order: "pre" | "post";
  readonly residual: Sequential;
  /** Parameters of the shortcut's gates and transformations. */
  readonly learned: readonly Linear[];
  readonly #plan: BlockPlan;

  constructor(plan: BlockPlan, rng: Rng) {
    super();
    const linear = (): Linear => new Linear(FEATURES, FEATURES, { rng });
    this.#plan = plan;
    this.shortcut = plan.shortcut === null ? "none" : "identity";
    this.order = plan.after.join() === "relu" ? "post" : "pre";
    this.residual = new Sequential(linear(), new Tanh(), linear());
    this.learned = [...(plan.shortcut ?? []), ...plan.after].map(linear);
  }

  forward(x: Tensor): Tensor {
    const branch = this.branch(x);
    const skip = this.skip(x);
    const y = skip ? (this.#plan.addsShortcutFirst ? add(skip, branch) : add(branch, skip)) : branch;
    return this.#apply(this.#plan.after, y, this.#plan.shortcut?.length ?? 0);
  }

  branch(x: Tensor): Tensor {
    return this.residual.forward(x);
  }

  skip(x: Tensor): Tensor | null {
    return this.#plan.shortcut && this.#apply(this.#plan.shortcut, x, 0);
  }

  zeroInitLast(): void {
    throw new Error("a RandomBlock does not start as zero");
  }

  #apply(list: readonly Operation[], x: Tensor, first: number): Tensor {
    return list.reduce((t, op, i) => apply(op, t, this.learned[first + i]), x);
  }
}

function apply(op: Operation, x: Tensor, learned: Linear): Tensor {
  switch (op) {
    case "tap":
      return tap(x, () => {});
    case "reshape":
      return reshape(reshape(x, [x.size]), x.shape);
    case "zero":
      return sub(x, 0);
    case "drop":
      return pad(slice(x, [null, [1, FEATURES - 1]]), [
        [0, 0],
        [1, 1],
      ]);
    case "relu":
      return relu(x);
    case "negate":
      return neg(x);
    case "half":
      return mul(0.5, x);
    case "sevenTenths":
      return mul(x, 0.7);
    case "gate":
      return mul(sigmoid(learned.forward(x)), x);
    case "carry":
      return mul(x, sub(1, sigmoid(learned.forward(x))));
    case "linear":
      return learned.forward(x);
  }
}

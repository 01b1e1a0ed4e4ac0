/**
 * How residual branches start. All but the default make every block start as its shortcut alone:
 *
 *   default        as the initialiser has it
 *   zeroInitLast   the last batch norm's scale is 0 (Goyal et al. 2017, "Accurate, Large Minibatch SGD", §5.1)
 *   skipInit       no batch norm; a learned factor α at the end of each branch starts at 0: x + α·F(x) (De & Smith 2020,
 *                  "Batch Normalization Biases Residual Blocks Towards the Identity Function", SkipInit; the same as
 *                  ReZero, Bachlechner et al. 2020)
 *   fixup          no batch norm (Zhang, Dauphin & Ma 2019, "Fixup Initialization", §3): (1) the last convolution of each
 *                  branch and the classifier are 0; (2) the other convolutions of a branch are scaled by L^(−1/(2m−2)),
 *                  for L blocks of m convolutions; (3) each branch has a factor that starts at 1, and before each
 *                  convolution, ReLU and the classifier there is a bias, one number, that starts at 0
 *
 * Fixup's scalars stand where the authors' code (hongyi-zhang/Fixup) has them: a bias before and a bias after each
 * convolution, the one after the last behind the factor. (That code trains them at a tenth of the learning rate; and it adds
 * a bias on padding shortcuts too, which here are left alone.)
 */
import { add } from "../autograd/elementwise.ts";
import type { Initializer } from "../nn/init.ts";
import { Module, parameter } from "../nn/module.ts";
import { checkOneOf } from "../tensor/arguments.ts";
import { zeros } from "../tensor/create.ts";
import { ValueError } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ORDERS, type Order } from "./order.ts";
import type { ShortcutKind } from "./shortcut.ts";

/** How a residual branch starts. */
export type Start = "default" | "zeroInitLast" | "skipInit" | "fixup";

/** Whether a network that starts so has batch norm, unless told: SkipInit and Fixup are there to do without. */
export function hasNorm(start: Start): boolean {
  return start === "default" || start === "zeroInitLast";
}

/**
 * @throws ValueError if `start` is none that exists, or one from which a block of this kind could not learn.
 */
export function checkStart(
  who: string,
  start: Start,
  { shortcut, order, batchNorm }: { shortcut: ShortcutKind | undefined; order: Order; batchNorm: boolean },
): void {
  checkOneOf(who, "start", start, ["default", "zeroInitLast", "skipInit", "fixup"]);
  if (start === "default") return;
  if (shortcut === "none") throw new ValueError(plainZero(who, `start "${start}"`));
  if (start !== "skipInit") checkZeroable(who, `start "${start}"`, order);
  if (start === "fixup" && batchNorm) {
    throw new ValueError(`${who}: start "fixup" is for networks without batch norm: leave batchNorm out, or false`);
  }
}

/** @throws ValueError in the order whose branches end in a ReLU: at 0 it lets no gradient in, so they would stay zero. */
export function checkZeroable(who: string, what: string, order: Order): void {
  if (ORDERS[order].last.includes("relu")) {
    throw new ValueError(
      `${who}: ${what} cannot be had in order "${order}": its branches end in a ReLU, which lets no gradient into a branch that is zero`,
    );
  }
}

/** What is wrong with `what` where there is no shortcut. */
export function plainZero(who: string, what: string): string {
  return `${who}: ${what} needs a shortcut: with "none" a zero branch makes the network zero, and it cannot learn`;
}

/** One number that is trained, shape `[1]`. */
export function scalar(value: number): Tensor {
  const t = parameter(zeros([1]));
  t.assign([value]);
  return t;
}

/**
 * The biases of Fixup around one convolution, one number each: y = conv(x + before) + after.
 *
 * @example
 * const block = new BasicBlock(4, 4, { start: "fixup", rng });
 * block.namedParameters().filter(([name]) => name.includes("before")).length; // 2
 */
export class FixupBiases extends Module {
  readonly before: Tensor = scalar(0);
  readonly after: Tensor = scalar(0);

  /** What comes before the convolution. */
  forward(x: Tensor): Tensor {
    return add(x, this.before);
  }
}

/** `init`, with what it fills in multiplied by `factor`. */
export function scaled(init: Initializer, factor: number): Initializer {
  return (t, rng) => {
    init(t, rng);
    t.assign(t.data.map((v: number) => factor * v));
  };
}

/** Another head: the classifier of a trained network makes room for one of other classes. */
import { Sequential } from "../nn/container.ts";
import type { Initializer } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { checkModule, type Module } from "../nn/module.ts";
import { checkRng, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";

/** Options of `replaceHead`. */
export interface HeadOptions {
  /** Where the initial values come from. */
  rng: Rng;
  /** Fills the weights. Default: that of `Linear`. */
  init?: Initializer;
}

const OPTIONS: OptionNames<HeadOptions> = { rng: true, init: true };

/**
 * Puts a new classifier in the place of a network's last linear layer: `fc` of a ResNet, `output` of a highway network, the last
 * layer of VGG's `classifier`, or the same in a network of your own. The rest keeps its weights. Make the optimiser afterwards.
 *
 * @param classes outputs of the new head.
 * @returns the new head.
 *
 * @example
 * const model = createModel("resnet18", { classes: 1000, rng: new Rng(0) });
 * // model.loadStateDict(…);
 * const head = replaceHead(model, 2, { rng: new Rng(1) });
 * model.fc === head; // true
 *
 * @throws UsageError for a network that has none of these.
 */
export function replaceHead(model: Module, classes: number, options: HeadOptions): Linear {
  checkModule("replaceHead", model);
  checkWhole("replaceHead", "classes", classes);
  checkOptions("replaceHead", options, OPTIONS);
  checkRng("replaceHead", options?.rng, "replaceHead(model, classes, { rng: new Rng(seed) })");
  const headFor = (old: Linear): Linear =>
    new Linear(old.inFeatures, classes, { ...options, bias: old.bias !== null }).train(old.training);
  const parts = model as unknown as Record<string, unknown>;
  for (const name of ["fc", "output", "classifier", "head"]) {
    const part = parts[name];
    if (part instanceof Linear) {
      const head = headFor(part);
      parts[name] = head;
      return head;
    }
    if (!(part instanceof Sequential)) continue;
    const last = part.layers.at(-1);
    if (!(last instanceof Linear)) continue;
    const head = headFor(last);
    const classifier = new Sequential(...part.layers.slice(0, -1), head);
    classifier.training = part.training;
    parts[name] = classifier;
    return head;
  }
  throw new UsageError(
    `replaceHead: ${model.constructor.name} has no linear layer called fc, output, classifier or head, nor a Sequential of these names that ends in one: assign a new Linear to its property`,
  );
}

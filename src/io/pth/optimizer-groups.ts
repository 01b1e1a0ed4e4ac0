/** A group of parameters as PyTorch's optimisers describe it in `state_dict()["param_groups"]`. */
import type { CompleteGroup, Moments, Optimizer, RMSprop, SGD } from "../../nn/optim/index.ts";

/** The optimisers whose state PyTorch's have too. */
export type TorchOptimizer = SGD | Moments | RMSprop;

/** An option's value, in a file or here. */
export type GroupOption = number | boolean | readonly number[];

/** PyTorch's names of the options that are not spelt alike. */
const NAMES: Readonly<Record<string, string>> = { weightDecay: "weight_decay" };

/** Our name of one of PyTorch's options. */
export function ownName(option: string): string {
  return Object.keys(NAMES).find((name) => NAMES[name] === option) ?? option;
}

/** The optimiser's groups; null for one that is none of ours. */
export function groupsOf(optimizer: Optimizer): readonly CompleteGroup<{ lr: number }>[] | null {
  const { groups } = optimizer as Partial<TorchOptimizer>;
  return Array.isArray(groups) ? (groups as readonly CompleteGroup<{ lr: number }>[]) : null;
}

/** A group's options by PyTorch's names, at this rate and momentum of the optimiser. */
export function groupOptions(
  group: CompleteGroup<{ lr: number }>,
  lr: number,
  momentum: number,
): Record<string, GroupOption> {
  const { options, own, lrRatio } = group as CompleteGroup<Record<string, GroupOption> & { lr: number }>;
  const named = Object.entries(options).map(([name, value]) => [NAMES[name] ?? name, value] as const);
  const now: Record<string, GroupOption> = { ...Object.fromEntries(named), lr: lr * lrRatio };
  if ("momentum" in options) now["momentum"] = own["momentum"] ?? momentum;
  if (Array.isArray(options["betas"])) now["betas"] = own["betas"] ?? [momentum, options["betas"][1]];
  return now;
}

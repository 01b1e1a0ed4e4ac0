/**
 * What the optimisers have in common: parameter groups, and the interface that `fit` uses.
 *
 * An optimiser's state (velocities, moments) lives beside it, in maps from parameter to numbers, never on the tensors.
 * `step` takes gradients as a value, so there is nothing to zero and nothing to forget.
 */
import type { Gradients } from "../../autograd/backward.ts";
import { ValueError } from "../../tensor/errors.ts";
import { formatShape } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";

export interface Optimizer {
  /** The learning rate of the next step. A group with a rate of its own follows in proportion. */
  lr: number;
  /** SGD's momentum, Adam's β₁, of the next step, where a group sets none of its own. */
  momentum: number;
  /** Every parameter that the optimiser changes. */
  readonly parameters: readonly Tensor[];
  /**
   * Changes the parameters. Those that no gradient reached are left as they are: not even decayed.
   *
   * A graph recorded before the step can no longer run backward (the values it used are gone), and says so.
   */
  step(grads: Gradients): void;
}

/** Parameters with options of their own; what is left out is the optimiser's. */
export type ParameterGroup<Options> = { readonly parameters: readonly Tensor[] } & Readonly<Partial<Options>>;

/** One list of parameters, or several groups of them. */
export type Parameters<Options> = readonly Tensor[] | readonly ParameterGroup<Options>[];

/** A group with every option filled in. */
export interface Group<Options> {
  readonly parameters: readonly Tensor[];
  readonly options: Readonly<Options>;
  /** The group's own rate over the optimiser's. */
  readonly lrRatio: number;
  /** Options that the group sets itself. */
  readonly own: Readonly<Partial<Options>>;
}

/**
 * Reads the first argument of an optimiser.
 *
 * @throws ValueError if there is no parameter, one is named twice, or a tensor is not a parameter.
 */
export function groupsOf<Options extends { lr: number }>(
  optimizer: string,
  parameters: Parameters<Options>,
  defaults: Options,
): Group<Options>[] {
  const isList = (p: Parameters<Options>): p is readonly Tensor[] => p.length === 0 || !("parameters" in p[0]);
  const given: readonly ParameterGroup<Options>[] = isList(parameters)
    ? [{ parameters } as ParameterGroup<Options>]
    : parameters;
  const seen = new Set<Tensor>();
  const groups = given.map((group): Group<Options> => {
    const { parameters: members, ...rest } = group;
    const own = rest as unknown as Partial<Options>;
    for (const t of members) {
      if (seen.has(t)) throw new ValueError(`${optimizer}: the parameter ${formatShape(t.shape)} is named twice`);
      if (t.node) {
        throw new ValueError(
          `${optimizer}: the tensor ${formatShape(t.shape)} was computed (by ${t.node.op}): only leaves can be trained`,
        );
      }
      seen.add(t);
    }
    const lrRatio = own.lr === undefined ? 1 : own.lr / defaults.lr;
    if (!Number.isFinite(lrRatio)) {
      throw new ValueError(`${optimizer}: a group with a learning rate of its own needs an optimiser with lr above 0`);
    }
    return { parameters: members, options: { ...defaults, ...own }, lrRatio, own };
  });
  if (seen.size === 0) throw new ValueError(`${optimizer}: there is no parameter to train`);
  return groups;
}

/** Throws unless `value` is a number in [low, high), or in [low, ∞). */
export function checkOption(
  optimizer: string,
  name: string,
  value: number,
  low: number,
  high: number = Infinity,
): void {
  if (!(value >= low && value < high)) {
    const range = high === Infinity ? `a finite number of ${low} or more` : `in [${low}, ${high})`;
    throw new ValueError(`${optimizer}: ${name} must be ${range}, got ${value}`);
  }
}

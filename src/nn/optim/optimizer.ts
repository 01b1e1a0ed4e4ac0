/**
 * The common parts of the optimisers: parameter groups, and the interface that `fit` uses.
 *
 * An optimiser keeps its state (velocities, moments) in maps from parameter to numbers, never on the tensors. `step`
 * takes gradients as a value, so there is nothing to zero and nothing to forget.
 */
import { Gradients } from "../../autograd/backward.ts";
import { checkNumberIn } from "../../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../../tensor/check.ts";
import { ShapeError, UsageError, ValueError } from "../../tensor/errors.ts";
import { formatShape, sameShape } from "../../tensor/shape.ts";
import { Tensor, valuesOf } from "../../tensor/tensor.ts";
import type { OptimizerState } from "./state.ts";

/** Changes weights by their gradients: SGD, Adam, or one of your own. */
export interface Optimizer {
  /**
   * The learning rate of the next step. A group with its own rate follows in proportion. An invalid rate is refused.
   */
  lr: number;
  /** The next step's momentum (SGD) or β₁ (Adam), for groups that do not set their own. */
  momentum: number;
  /** Every parameter that the optimiser changes. */
  readonly parameters: readonly Tensor[];
  /**
   * Changes the parameters. Those that no gradient reached stay as they are: not even decayed.
   *
   * A graph recorded before the step can no longer run backward (the values it used are gone); trying is an error.
   *
   * @throws UsageError if no parameter received a gradient: the optimiser is probably another model's; ShapeError for a
   * gradient that does not fit its parameter. In both cases nothing has changed.
   */
  step(grads: Gradients): void;
  /** What it has learnt, as copies: for a checkpoint. An optimiser without these two can be trained with, but not resumed. */
  stateDict?(): OptimizerState;
  /** Goes on from what `stateDict` returned. */
  loadStateDict?(state: OptimizerState): void;
}

/** Parameters with options of their own; others are the optimiser's. */
export type ParameterGroup<Options> = { readonly parameters: readonly Tensor[] } & Readonly<Partial<Options>>;

/** One list of parameters, or several groups of them. */
export type Parameters<Options> = readonly Tensor[] | readonly ParameterGroup<Options>[];

/** A group with every option filled in. */
export interface CompleteGroup<Options> {
  readonly parameters: readonly Tensor[];
  readonly options: Readonly<Options>;
  /** The group's own rate divided by the optimiser's. */
  readonly lrRatio: number;
  /** Options that the group itself sets. */
  readonly own: Readonly<Partial<Options>>;
}

/**
 * Reads the first argument of an optimiser.
 *
 * @param names the options that a group may set.
 * @throws UsageError for anything but a list of tensors or groups, or an option that does not exist; ValueError if
 * there is no parameter, one is named twice, or a tensor is not a parameter.
 */
export function groupsOf<Options extends { lr: number }>(
  optimizer: string,
  parameters: Parameters<Options>,
  defaults: Options,
  names: OptionNames<Options>,
): CompleteGroup<Options>[] {
  if (!Array.isArray(parameters)) {
    throw new UsageError(
      `${optimizer}: takes a list of parameters, such as model.parameters(), or of groups, got ${describe(parameters)}`,
    );
  }
  const isGroup = (entry: unknown): entry is ParameterGroup<Options> =>
    typeof entry === "object" && entry !== null && Array.isArray((entry as { parameters?: unknown }).parameters);
  const given: readonly ParameterGroup<Options>[] = parameters.some(isGroup)
    ? (parameters as readonly ParameterGroup<Options>[])
    : [{ parameters } as unknown as ParameterGroup<Options>];
  const seen = new Set<Tensor>();
  const groups = given.map((group, i): CompleteGroup<Options> => {
    if (!isGroup(group)) {
      throw new UsageError(`${optimizer}: group ${i} must be { parameters, … }, got ${describe(group)}`);
    }
    checkOptions<object>(`${optimizer}: group ${i}`, group, { parameters: true, ...names });
    const { parameters: members, ...rest } = group;
    const own = settled(rest) as unknown as Partial<Options>;
    for (const t of members) {
      if (!(t instanceof Tensor)) {
        throw new UsageError(
          `${optimizer}: a parameter must be a tensor, got ${describe(t)}: model.parameters() lists a model's`,
        );
      }
      if (seen.has(t)) throw new ValueError(`${optimizer}: the parameter ${formatShape(t.shape)} is named twice`);
      if (t.node) {
        throw new ValueError(
          `${optimizer}: the tensor ${formatShape(t.shape)} was computed (by ${t.node.op}): only leaves can be trained`,
        );
      }
      seen.add(t);
    }
    const lrRatio = own.lr === undefined ? 1 : own.lr / defaults.lr;
    if (own.lr !== undefined) checkOption(optimizer, "lr", own.lr, 0);
    if (!Number.isFinite(lrRatio)) {
      throw new ValueError(`${optimizer}: a group with its own learning rate needs an optimiser with lr above 0`);
    }
    return { parameters: [...members], options: { ...settled(defaults), ...own }, lrRatio, own };
  });
  if (seen.size === 0) throw new ValueError(`${optimizer}: there is no parameter to train`);
  return groups;
}

/**
 * A copy, unaffected by later changes to the caller's arrays. Undefined options count as left out: a spread must not
 * let them override a default.
 */
function settled<Options extends object>(options: Options): Options {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, Array.isArray(value) ? [...value] : value])) as Options;
}

/**
 * Makes the options properties of the optimiser: enumerable ones, so that a test can tell two optimisers apart. Rate
 * and momentum can be set to values that `check` accepts. Setting any other would have no effect, so it is an error; so
 * is setting the rate by its name in other libraries.
 */
export function showOptions(
  name: string,
  optimizer: Optimizer,
  options: Readonly<Record<string, unknown>>,
  check: (option: string, value: unknown) => void,
): void {
  const property = (option: string, enumerable: boolean, get: () => unknown, set: (value: unknown) => void): void => {
    Object.defineProperty(optimizer, option, { configurable: true, enumerable, get, set });
  };
  const refuse = (option: string, advice: string) => (): never => {
    throw new UsageError(`${name}: ${option} cannot be set: ${advice}`);
  };
  for (const [option, given] of Object.entries(options)) {
    let value = given;
    if (option === "lr" || option === "momentum") {
      property(
        option,
        true,
        () => value,
        (next) => {
          check(option, next);
          value = next;
        },
      );
    } else {
      const advice = `make a new ${name} with { ${option} }, or a group of parameters with it`;
      property(option, true, () => value, refuse(option, advice));
    }
  }
  property("learningRate", false, () => undefined, refuse("learningRate", "the learning rate is lr"));
}

/**
 * Throws unless `value` is a number in [low, high), or in [low, ∞). It must also be one in float32, the type in which
 * parameters are changed: 1e39 is infinite there.
 */
export function checkOption(
  optimizer: string,
  name: string,
  value: unknown,
  low: number,
  high: number = Infinity,
): void {
  const what = high === Infinity ? `a finite number of ${low} or more` : `a number in [${low}, ${high})`;
  checkNumberIn(optimizer, name, value, what, (n) => n >= low && n < high && Number.isFinite(Math.fround(n)));
}

/**
 * Call it before a step writes its first parameter: a bad gradient is found while all parameters are unchanged.
 *
 * @throws UsageError unless `grads` are gradients, at least one of them a parameter's; ShapeError for a gradient
 * without the shape of its parameter.
 */
export function checkGradients(optimizer: string, parameters: readonly Tensor[], grads: Gradients): void {
  if (!(grads instanceof Gradients)) {
    throw new UsageError(
      `${optimizer}: step takes the gradients that backward or valueAndGrad returned, got ${describe(grads as unknown)}`,
    );
  }
  let reached = 0;
  for (const w of parameters) {
    if (!grads.has(w)) continue;
    // Read the values now: those of an ended step are gone, which must not surface half-way through the update.
    const gradient = grads.get(w);
    const { shape } = gradient;
    if (!sameShape(shape, w.shape) || valuesOf(gradient).length !== w.size) {
      throw new ShapeError(
        `${optimizer}: the gradient ${formatShape(shape)} does not have the shape of its parameter ${formatShape(w.shape)}`,
      );
    }
    reached++;
  }
  if (reached === 0) {
    const frozen = parameters.every((w) => !w.requiresGrad);
    throw new UsageError(
      `${optimizer}: none of its ${parameters.length} parameters received a gradient: ${
        frozen
          ? "all of them are frozen (requiresGrad = false)"
          : "was it made for another model, or for parts that this loss does not depend on?"
      }`,
    );
  }
}

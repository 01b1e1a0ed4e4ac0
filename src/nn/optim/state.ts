/** What optimisers have learnt, as something to save and to go on from. */
import { describe } from "../../tensor/check.ts";
import { UsageError, ValueError } from "../../tensor/errors.ts";
import { type Floats, numbersOf, type Values } from "../../tensor/memory.ts";
import { formatShape, sameShape } from "../../tensor/shape.ts";
import { isTensor, owned, peek, type Tensor } from "../../tensor/tensor.ts";
import type { StateDict } from "../state.ts";

/** What an optimiser has learnt: all that a training which goes on needs of it, beside the options it is made with again. */
export interface OptimizerState {
  /**
   * By the parameter's place in `parameters`, from 0, and PyTorch's name: `3.momentum_buffer`, `3.exp_avg`, `3.square_avg`, …
   * A parameter that no gradient has reached yet has none.
   */
  readonly tensors: StateDict;
  /** `lr` and `momentum` of the next step, and for all but SGD the steps of each parameter, `3.step`. */
  readonly numbers: Readonly<Record<string, number>>;
}

/** What is kept for one parameter, by PyTorch's names. */
export interface ParameterState {
  readonly tensors: Readonly<Record<string, Values>>;
  readonly numbers: Readonly<Record<string, number>>;
}

/** What a parameter's state consists of: all of it or nothing, but for what is `optional`. */
export interface StateNames {
  readonly tensors: readonly string[];
  readonly numbers: readonly string[];
  /** Tensors that a parameter may have. */
  readonly optional?: readonly string[];
}

/** The state of all parameters, as copies. */
export function optimizerState(
  optimizer: { readonly lr: number; readonly momentum: number; readonly parameters: readonly Tensor[] },
  stateOf: (w: Tensor) => ParameterState | null,
): OptimizerState {
  const tensors: StateDict = {};
  const numbers: Record<string, number> = { lr: optimizer.lr, momentum: optimizer.momentum };
  optimizer.parameters.forEach((w, i) => {
    const state = stateOf(w);
    if (!state) return;
    for (const [name, values] of Object.entries(state.tensors)) {
      tensors[`${i}.${name}`] = owned(numbersOf(values).slice(), w.shape);
    }
    for (const [name, value] of Object.entries(state.numbers)) numbers[`${i}.${name}`] = value;
  });
  return { tensors, numbers };
}

/** A parameter's state as read: copies, which the optimiser may keep. */
export interface ReadState {
  readonly tensors: Readonly<Record<string, Floats>>;
  readonly numbers: Readonly<Record<string, number>>;
}

/**
 * The state of each parameter that has one. Everything is checked before anything is returned.
 *
 * @param namesOf what a parameter's state consists of.
 * @throws UsageError for what is no state; ValueError for one of another optimiser, or of parameters of other shapes.
 */
export function readOptimizerState(
  optimizer: string,
  parameters: readonly Tensor[],
  state: OptimizerState,
  namesOf: (w: Tensor) => StateNames,
): Map<Tensor, ReadState> {
  if (typeof state?.tensors !== "object" || typeof state.numbers !== "object") {
    throw new UsageError(
      `${optimizer}: loadStateDict takes what stateDict returned, { tensors, numbers }, got ${describe(state)}`,
    );
  }
  const wrong = (what: string): never => {
    throw new ValueError(`${optimizer}: this is not the state of an ${optimizer} of these parameters: ${what}`);
  };
  const all = new Set([...Object.keys(state.tensors), ...Object.keys(state.numbers)]);
  for (const name of ["lr", "momentum"]) {
    if (!(state.numbers[name] >= 0 && state.numbers[name] < Infinity))
      wrong(`its ${name} is ${describe(state.numbers[name])}`);
    all.delete(name);
  }
  const read = new Map<Tensor, ReadState>();
  parameters.forEach((w, i) => {
    const { tensors, numbers, optional = [] } = namesOf(w);
    const own = [...tensors, ...numbers, ...optional].filter((name) => all.has(`${i}.${name}`));
    if (own.length === 0) return;
    const present = [...tensors, ...optional.filter((name) => own.includes(name))];
    const tensorOf = (name: string): Floats => {
      const t = state.tensors[`${i}.${name}`];
      if (!isTensor(t)) return wrong(`"${i}.${name}" is missing`);
      if (!sameShape(t.shape, w.shape)) {
        return wrong(`"${i}.${name}" is ${formatShape(t.shape)}, parameter ${i} is ${formatShape(w.shape)}`);
      }
      return peek(t).slice();
    };
    const numberOf = (name: string): number => {
      const value = state.numbers[`${i}.${name}`];
      return Number.isInteger(value) && value > 0 ? value : wrong(`"${i}.${name}" is ${describe(value)}`);
    };
    read.set(w, {
      tensors: Object.fromEntries(present.map((name) => [name, tensorOf(name)])),
      numbers: Object.fromEntries(numbers.map((name) => [name, numberOf(name)])),
    });
    for (const name of own) all.delete(`${i}.${name}`);
  });
  if (all.size > 0) wrong(`it has "${[...all][0]}", and there are ${parameters.length} parameters`);
  return read;
}

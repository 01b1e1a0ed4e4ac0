/** Checks the arguments of instruments: a model and a function that runs it. More: ../tensor/arguments.ts. */
import { checkModule, type Module } from "../nn/module.ts";
import { checkFunction } from "../tensor/arguments.ts";
import { describe } from "../tensor/check.ts";
import { UsageError } from "../tensor/errors.ts";
import { isTensor, type Tensor } from "../tensor/tensor.ts";

/** Throws unless `model` is a model, and `run`, the argument called `name`, is a function that runs it. */
export function checkRun(op: string, model: unknown, name: string, run: unknown): asserts model is Module {
  checkModule(op, model);
  checkFunction(op, name, run);
}

/** Throws unless `value`, which the function `loss` returned, is a tensor. */
export function checkLoss(op: string, value: unknown): asserts value is Tensor {
  checkReturned(op, "loss", value);
}

/** Throws unless `value`, which the function called `name` returned, is a tensor. */
export function checkReturned(op: string, name: string, value: unknown): asserts value is Tensor {
  if (isTensor(value)) return;
  throw new UsageError(`${op}: ${name} must return a tensor, but returned ${describe(value)}`);
}

/** Runs the model and returns a number: an error, a loss. The model must be left alone until it has answered. */
export type Measure = () => number | Promise<number>;

/** What a measurement gave, if it is a number. */
export async function measured(op: string, value: number | Promise<number>): Promise<number> {
  const number: unknown = await value;
  if (typeof number === "number") return number;
  throw new UsageError(`${op}: measure must return a number, but returned ${describe(number)}`);
}

/** The output of the model, if it is one tensor. */
export function checkOutput(op: string, y: unknown): Tensor {
  if (isTensor(y)) return y;
  throw new UsageError(`${op}: the model must return one tensor, but returned ${describe(y)}`);
}

/**
 * Training or evaluation: the mode of every part of a model, and a check that evaluation reaches every part.
 *
 * A module has the mode that `train()` or `eval()` last requested. A frozen module (freeze.ts) is always in evaluation.
 *
 * `eval()` switches the parts that can be found (parts.ts). A batch norm in a #private field cannot be found, and would
 * silently go on training. But it betrays itself: it asks for its mode while the `forward` of a module in evaluation
 * runs, and is not a named part of that module. So when a module of some class is first put into evaluation, that
 * class's `forward` gets a guard, which notes which module runs.
 */
import { describe } from "../tensor/check.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Part } from "./part.ts";

/** The modules that were asked to be in evaluation. */
const resting = new WeakSet<Part>();
const frozen = new WeakSet<Part>();

/** A module in evaluation whose `forward` is running, and its parts, once they have been needed. */
interface Evaluation {
  readonly model: Part;
  parts: ReadonlySet<Part> | null;
}

/** The innermost is last. */
const running: Evaluation[] = [];

/** The functions below that wrap a `forward`. */
const guards = new WeakSet<object>();

/**
 * The mode of `module`: training, unless evaluation was requested or it is frozen.
 *
 * @throws UsageError if it is in training inside a model in evaluation, without being a named part of it.
 */
export function isTraining(module: Part): boolean {
  if (resting.has(module) || frozen.has(module)) return false;
  if (running.length > 0) checkReached(module);
  return true;
}

/** Whether evaluation was requested of `module`. A frozen module is in evaluation even if training was requested. */
export function isResting(module: Part): boolean {
  return resting.has(module);
}

export function setTraining(module: Part, training: boolean): void {
  if (typeof training !== "boolean") {
    throw new UsageError(`${module.constructor.name}: training must be true or false, got ${describe(training)}`);
  }
  if (training) resting.delete(module);
  else resting.add(module);
}

export function isFrozen(module: Part): boolean {
  return frozen.has(module);
}

export function setFrozen(module: Part, value: boolean): void {
  if (value) frozen.add(module);
  else frozen.delete(module);
}

/** From now on, while `module` computes in evaluation, every module in training must be a named part of it. */
export function guardEvaluation(module: Part): void {
  if (typeof module.forward !== "function" || guards.has(module.forward)) return;
  let holder: object = module;
  while (!Object.hasOwn(holder, "forward")) holder = Object.getPrototypeOf(holder);
  const own = Object.getOwnPropertyDescriptor(holder, "forward")!;
  const forward = own.value as (...args: unknown[]) => unknown;
  // An accessor, or an unchangeable class, is left alone.
  if (typeof forward !== "function" || !own.configurable) return;
  const guarded = function (this: Part, ...args: unknown[]): unknown {
    if (!resting.has(this) && !frozen.has(this)) return forward.apply(this, args);
    running.push({ model: this, parts: null });
    try {
      return forward.apply(this, args);
    } finally {
      running.pop();
    }
  };
  guards.add(guarded);
  Object.defineProperty(holder, "forward", { ...own, value: guarded });
}

function checkReached(module: Part): void {
  for (const evaluation of running) {
    evaluation.parts ??= new Set(evaluation.model.namedModules().map(([, part]) => part));
    if (evaluation.parts.has(module)) return;
  }
  const model = running[running.length - 1].model.constructor.name;
  throw new UsageError(
    `${module.constructor.name}: it is in training mode inside a ${model} that is in evaluation: eval() did not reach it, because it is not a named part of the ${model}. Is it (or its holder) in a #private field, a closure, or an object that is not a module? Make it a property of the ${model}, or of a list, Map or plain object in one`,
  );
}

/**
 * `Module`: a part of a network that has state, and the tree of its parts.
 *
 * A subclass declares its parameters, buffers and children as ordinary properties, alone or in lists, Maps, Sets and
 * plain objects; the base class finds them by searching. Names in `stateDict()` are PyTorch's: the path of property
 * names joined by dots, each in snake_case, so `layer1[0].bn1.runningMean` is `layer1.0.bn1.running_mean`. Next:
 * parts.ts, which searches and names; marks.ts, which tells parameters from buffers; mode.ts, training and evaluation.
 */
import { checkBoolean } from "../tensor/arguments.ts";
import type { SavedTensor } from "../tensor/clone.ts";
import { markCopy } from "../tensor/copies.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { isBuffer, isParameter } from "./marks.ts";
import { guardEvaluation, isFrozen, isTraining, setTraining } from "./mode.ts";
import { checkPart, isPart } from "./part.ts";
import { childrenOf, partsOf, snakeCase, tensorsOf } from "./parts.ts";
import { type LoadOptions, type LoadReport, loadInto, type StateDict } from "./state.ts";

export { buffer, parameter } from "./marks.ts";
export type { LoadOptions, LoadReport, StateDict } from "./state.ts";

/** A module with any input and output. */
export type AnyModule = Module<never, unknown>;

/**
 * A part of a network. It takes an `X` and returns a `Y`: one tensor each, unless a subclass says otherwise.
 *
 * @example
 * class Siamese extends Module<[Tensor, Tensor], { distance: Tensor }> {
 *   readonly encoder = new Linear(8, 4, { rng: new Rng(0) });
 *
 *   forward([a, b]: [Tensor, Tensor]): { distance: Tensor } {
 *     return { distance: sub(this.encoder.forward(a), this.encoder.forward(b)) };
 *   }
 * }
 */
export abstract class Module<X = Tensor, Y = Tensor> {
  constructor() {
    markCopy(Module.prototype, "module");
  }

  /**
   * Whether layers that behave differently in training (batch norm, dropout) do so. Set by `train()` and `eval()`;
   * always false in frozen parts.
   *
   * @throws UsageError in a part that `eval()` could not reach, while the model around it runs in evaluation.
   */
  get training(): boolean {
    return isTraining(this);
  }

  set training(training: boolean) {
    setTraining(this, training);
  }

  /** Whether `freeze` or `freezeStatistics` keeps this module in evaluation, without `unfreeze` since. */
  get frozen(): boolean {
    return isFrozen(this);
  }

  /** The module's function. */
  abstract forward(x: X): Y;

  /**
   * Direct parts, by name. A property that is a list, a Map, a Set or a plain object names its members `name.0`,
   * `name.key`, … (parts.ts). A class whose parts have other names overrides this.
   */
  namedChildren(): [string, AnyModule][] {
    return childrenOf(this) as [string, AnyModule][];
  }

  /**
   * This module and every part below it, depth first, by path: `""`, `"layer1"`, `"layer1.0"`, …
   *
   * @param path where this module is, if it is part of another one: the paths start with it. Default: nowhere.
   * @throws ValueError, like everything that searches for parts, if two have the same name or one is inside itself.
   */
  namedModules(path = ""): [string, AnyModule][] {
    const modules = partsOf(this).modules as [string, AnyModule][];
    if (path === "") return modules;
    return modules.map(([name, module]) => [name === "" ? path : `${path}.${name}`, module]);
  }

  /**
   * Every parameter and buffer, by its name in PyTorch. The tensors are the module's own, and change when it is
   * trained; `copyState` gives copies. A tensor in a property that is neither marked by `parameter` or `buffer` nor
   * made with `requiresGrad: true` is a constant, and not in the state.
   */
  stateDict(): StateDict {
    // Not by assignment, which treats the name "__proto__" specially.
    return Object.fromEntries(partsOf(this).tensors);
  }

  /**
   * Trained tensors by name, a shared one only under its first name. Frozen ones (`requiresGrad = false`) are included.
   */
  namedParameters(): [string, Tensor][] {
    const seen = new Set<Tensor>();
    return partsOf(this).parameters.filter(([, t]) => !seen.has(t) && seen.add(t));
  }

  parameters(): Tensor[] {
    return this.namedParameters().map(([, t]) => t);
  }

  /** Untrained state by name. */
  namedBuffers(): [string, Tensor][] {
    return Object.entries(this.stateDict()).filter(([, t]) => isBuffer(t));
  }

  /** Number of trained values. */
  parameterCount(): number {
    return this.parameters().reduce((count, t) => count + t.size, 0);
  }

  /**
   * Copies values into this module's tensors by name: from tensors, or from `{ shape, data }` as `structuredClone`,
   * `postMessage` and JSON make them.
   *
   * @throws ValueError that lists every missing, unexpected, mis-shaped and unreadable name at once; nothing is then
   * changed. With `strict: false` missing and unexpected names are only reported; a wrong shape is still an error.
   * UsageError for the module's own tensors: an earlier result of `stateDict` is not a copy of their old values.
   */
  loadStateDict(state: Readonly<Record<string, Tensor | SavedTensor>>, options?: LoadOptions): LoadReport {
    return loadInto(this.constructor.name, this.stateDict(), state, options);
  }

  /** Switches this module and all its parts, except frozen ones, to training (or, with false, to evaluation). */
  train(training = true): this {
    checkBoolean("train", "training", training);
    for (const [, module] of this.namedModules()) {
      module.training = training;
      if (!training) guardEvaluation(module);
    }
    return this;
  }

  /** Switches to evaluation: batch norm uses running statistics, dropout passes everything. */
  eval(): this {
    return this.train(false);
  }

  /** The options shown after the class name when the tree is printed. */
  describe(): string {
    return "";
  }

  /** The tree of parts with their options, own parameter shapes and parameter counts. */
  toString(): string {
    const own = tensorsOf(this)
      .filter(([, t]) => isParameter(t))
      .map(([name, t]) => `${name} ${formatShape(t.shape)}`);
    const inside = [this.describe(), ...own].filter(Boolean).join(", ");
    const children = this.namedChildren();
    const count = this.parameterCount();
    const head = `${this.constructor.name}(${inside})${count > 0 ? `  ${count.toLocaleString("en-US")} parameters` : ""}`;
    const body = children.map(([name, child]) => `(${snakeCase(name)}) ${child.toString()}`.replaceAll("\n", "\n  "));
    return body.length > 0 ? `${head}\n  ${body.join("\n  ")}` : head;
  }
}

/** Whether `value` is a module of this copy of the library. */
export function isModule(value: unknown): value is AnyModule {
  return isPart(value);
}

/**
 * Throws unless `value` is a module of this copy.
 *
 * @param op the operation that got the value.
 * @throws UsageError that describes the value.
 */
export function checkModule(op: string, value: unknown): asserts value is AnyModule {
  checkPart(op, value);
}

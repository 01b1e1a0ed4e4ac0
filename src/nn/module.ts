/**
 * `Module`: a part of a network that has state, and the tree of its parts.
 *
 * A subclass declares its parameters, buffers and children as ordinary properties; the base class finds them by looking.
 * Names in `stateDict()` are PyTorch's: the path of property names joined by dots, each in snake_case, so that
 * `layer1[0].bn1.runningMean` is `layer1.0.bn1.running_mean`.
 */
import { ValueError } from "../tensor/errors.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Tensors that belong to a module's state but are not trained, such as running statistics. */
const buffers = new WeakSet<Tensor>();

/** Marks `t` as a buffer: saved with the state, not a parameter. */
export function buffer(t: Tensor): Tensor {
  buffers.add(t);
  t.requiresGrad = false;
  return t;
}

/** Marks `t` as trained: `backward` computes its gradient. */
export function parameter(t: Tensor): Tensor {
  t.requiresGrad = true;
  return t;
}

export type StateDict = Record<string, Tensor>;

export interface LoadReport {
  /** Names this module has and the state does not. */
  missing: string[];
  /** Names the state has and this module does not. */
  unexpected: string[];
}

export abstract class Module {
  /** Whether layers that behave differently in training (batch norm, dropout) do so. Set by `train()` and `eval()`. */
  training = true;

  /** The module's function. */
  abstract forward(x: Tensor): Tensor;

  /** Direct parts, by name. A property that is a list of modules gives its members as `name.0`, `name.1`, … */
  namedChildren(): [string, Module][] {
    return Object.entries(this).flatMap(([name, value]): [string, Module][] => {
      if (value instanceof Module) return [[name, value]];
      if (!Array.isArray(value)) return [];
      return value.flatMap((member, i): [string, Module][] =>
        member instanceof Module ? [[`${name}.${i}`, member]] : [],
      );
    });
  }

  /** This module and every part below it, depth first, by path: `""`, `"layer1"`, `"layer1.0"`, … */
  namedModules(path = ""): [string, Module][] {
    const below = this.namedChildren().flatMap(([name, child]) =>
      child.namedModules(path ? `${path}.${snakeCase(name)}` : snakeCase(name)),
    );
    return [[path, this], ...below];
  }

  /** Every parameter and buffer, by the name it has in PyTorch. The tensors are the module's own, not copies. */
  stateDict(): StateDict {
    const state: StateDict = {};
    for (const [path, module] of this.namedModules()) {
      for (const [name, value] of Object.entries(module)) {
        if (value instanceof Tensor) state[path ? `${path}.${snakeCase(name)}` : snakeCase(name)] = value;
      }
    }
    return state;
  }

  /** Trained tensors by name, a shared one under its first name only. Frozen ones (`requiresGrad = false`) are included. */
  namedParameters(): [string, Tensor][] {
    const seen = new Set<Tensor>();
    return Object.entries(this.stateDict()).filter(([, t]) => !buffers.has(t) && !seen.has(t) && seen.add(t));
  }

  parameters(): Tensor[] {
    return this.namedParameters().map(([, t]) => t);
  }

  /** Untrained state by name. */
  namedBuffers(): [string, Tensor][] {
    return Object.entries(this.stateDict()).filter(([, t]) => buffers.has(t));
  }

  /** Number of trained values. */
  parameterCount(): number {
    return this.parameters().reduce((count, t) => count + t.size, 0);
  }

  /**
   * Copies values into this module's tensors by name.
   *
   * @throws ValueError that lists every missing, unexpected and mis-shaped name at once; nothing is changed then. With
   * `strict: false` missing and unexpected names are only reported; a wrong shape is still an error.
   */
  loadStateDict(state: Readonly<StateDict>, { strict = true }: { strict?: boolean } = {}): LoadReport {
    const own = this.stateDict();
    const missing = Object.keys(own).filter((name) => !Object.hasOwn(state, name));
    const unexpected = Object.keys(state).filter((name) => !Object.hasOwn(own, name));
    const misshapen = Object.entries(own)
      .filter(([name, t]) => Object.hasOwn(state, name) && !sameShape(state[name].shape, t.shape))
      .map(([name, t]) => `${name}: ${formatShape(state[name].shape)} does not fit ${formatShape(t.shape)}`);
    if (misshapen.length > 0 || (strict && missing.length + unexpected.length > 0)) {
      const list = (title: string, names: readonly string[]): string =>
        names.length > 0 ? `\n  ${title} (${names.length}): ${names.join(", ")}` : "";
      throw new ValueError(
        `loadStateDict: the state does not fit this ${this.constructor.name}${list("missing", missing)}${list("unexpected", unexpected)}${list("wrong shape", misshapen)}`,
      );
    }
    for (const [name, t] of Object.entries(own)) if (Object.hasOwn(state, name)) t.assign(state[name]);
    return { missing, unexpected };
  }

  /** Switches this module and all its parts to training behaviour (or, with false, to evaluation). */
  train(training = true): this {
    for (const [, module] of this.namedModules()) module.training = training;
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
    const own = Object.entries(this)
      .filter((entry): entry is [string, Tensor] => entry[1] instanceof Tensor && !buffers.has(entry[1]))
      .map(([name, t]) => `${name} ${formatShape(t.shape)}`);
    const inside = [this.describe(), ...own].filter(Boolean).join(", ");
    const children = this.namedChildren();
    const count = this.parameterCount();
    const head = `${this.constructor.name}(${inside})${count > 0 ? `  ${count.toLocaleString("en-US")} parameters` : ""}`;
    const body = children.map(([name, child]) => `(${snakeCase(name)}) ${child.toString()}`.replaceAll("\n", "\n  "));
    return body.length > 0 ? `${head}\n  ${body.join("\n  ")}` : head;
  }
}

/** `runningMean` → `running_mean`. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

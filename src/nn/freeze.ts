/** Freezing: keeps the parameters and statistics of parts of a model unchanged, or its statistics alone. */
import { checkList } from "../tensor/arguments.ts";
import { describe } from "../tensor/check.ts";
import { ValueError } from "../tensor/errors.ts";
import { isBuffer } from "./marks.ts";
import { guardEvaluation, setFrozen } from "./mode.ts";
import { type AnyModule, checkModule } from "./module.ts";
import type { Part } from "./part.ts";
import { tensorsOf } from "./parts.ts";

/**
 * Freezes `module` and everything below it: its parameters are not trained (`requiresGrad` is false). It stays in
 * evaluation even when `train()` is called around it, so batch norms keep their running statistics and nothing is
 * dropped. Gradients pass through it. Parts added later are not frozen. Returns `module`.
 *
 * The parameters stay parameters: they are counted and saved. A shared parameter is frozen everywhere.
 *
 * @param paths freezes only these parts, by their paths in `namedModules()`: `["conv1", "bn1", "layer1"]`. Default: all.
 *
 * @example
 * const model = resnet18({ classes: 10, rng: new Rng(0) });
 * freeze(model);
 * unfreeze(model, ["layer4", "fc"]); // only the last stage and the classifier are trained
 * const optimizer = new SGD(model.parameters(), { lr: 0.1 });
 *
 * @throws ValueError for a path that no part has; nothing is frozen then.
 */
export function freeze<M extends AnyModule>(module: M, paths?: readonly string[]): M {
  for (const part of partsAt("freeze", module, paths)) {
    for (const t of part.parameters()) t.requiresGrad = false;
    for (const [, below] of part.namedModules()) keepInEvaluation(below);
  }
  return module;
}

/**
 * Freezes the running statistics of `module` and everything below it, and nothing else: batch norms stay in evaluation even
 * when `train()` is called around them, while their scales and shifts are trained. The usual choice where a fine-tuning has
 * few pictures, or small batches. Every part that has buffers stays in evaluation, also one of your own. Returns `module`.
 *
 * @param paths as in `freeze`.
 *
 * @example
 * const model = resnet18({ classes: 10, rng: new Rng(0) });
 * freezeStatistics(model).train();
 * model.bn1!.training; // false
 * model.bn1!.weight!.requiresGrad; // true
 *
 * @throws ValueError for a path that no part has; nothing is frozen then.
 */
export function freezeStatistics<M extends AnyModule>(module: M, paths?: readonly string[]): M {
  for (const part of partsAt("freezeStatistics", module, paths)) {
    for (const [, below] of part.namedModules()) {
      if (tensorsOf(below).some(([, t]) => isBuffer(t))) keepInEvaluation(below);
    }
  }
  return module;
}

function keepInEvaluation(part: Part): void {
  setFrozen(part, true);
  guardEvaluation(part);
}

/**
 * Undoes `freeze` and `freezeStatistics` for `module` and everything below it: every parameter is trained, and each part has
 * the mode that was last requested of it. Returns `module`.
 *
 * @param paths as in `freeze`.
 *
 * @example
 * freeze(model); // train nothing
 * unfreeze(model, ["fc"]); // but the last layer
 * model.parameters().filter((p) => p.requiresGrad).length; // 2
 */
export function unfreeze<M extends AnyModule>(module: M, paths?: readonly string[]): M {
  for (const part of partsAt("unfreeze", module, paths)) {
    for (const t of part.parameters()) t.requiresGrad = true;
    for (const [, below] of part.namedModules()) setFrozen(below, false);
  }
  return module;
}

function partsAt(op: string, module: AnyModule, paths: readonly string[] | undefined): AnyModule[] {
  checkModule(op, module);
  if (paths === undefined) return [module];
  checkList(op, "paths", paths);
  const parts = new Map(module.namedModules());
  return paths.map((path) => {
    const part = parts.get(path);
    if (part) return part;
    const top = module.namedChildren().map(([name]) => name);
    throw new ValueError(
      `${op}: no part is called ${describe(path)}; the parts are ${top.join(", ")}, and those below`,
    );
  });
}

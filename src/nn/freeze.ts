/** Freezing: keeps the parameters and statistics of parts of a model unchanged. */
import { guardEvaluation, setFrozen } from "./mode.ts";
import { type AnyModule, checkModule } from "./module.ts";

/**
 * Freezes `module` and everything below it: its parameters are not trained (`requiresGrad` is false). It stays in
 * evaluation even when `train()` is called around it, so batch norms keep their running statistics and nothing is
 * dropped. Gradients pass through it. Parts added later are not frozen. Returns `module`.
 *
 * The parameters stay parameters: they are counted and saved. A shared parameter is frozen everywhere.
 *
 * @example
 * const model = resnet18({ classes: 10, rng: new Rng(0) });
 * freeze(model);
 * unfreeze(model.fc); // only the classifier is trained
 * const optimizer = new SGD(model.parameters(), { lr: 0.1 });
 */
export function freeze<M extends AnyModule>(module: M): M {
  checkModule("freeze", module);
  for (const t of module.parameters()) t.requiresGrad = false;
  for (const [, part] of module.namedModules()) {
    setFrozen(part, true);
    guardEvaluation(part);
  }
  return module;
}

/**
 * Undoes `freeze` for `module` and everything below it: every parameter is trained, and each part has the mode that was
 * last requested of it. Returns `module`.
 */
export function unfreeze<M extends AnyModule>(module: M): M {
  checkModule("unfreeze", module);
  for (const t of module.parameters()) t.requiresGrad = true;
  for (const [, part] of module.namedModules()) setFrozen(part, false);
  return module;
}

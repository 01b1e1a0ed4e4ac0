/** Freezing: parts of a model that are not to change, in parameters and in statistics. */
import { guardEvaluation, setFrozen } from "./mode.ts";
import { type AnyModule, checkModule } from "./module.ts";

/**
 * Freezes `module` and everything below it: its parameters are not trained (`requiresGrad` is false), and it stays in
 * evaluation, whatever `train()` is called around it, so that batch norms keep their running statistics and nothing is
 * dropped. Gradients pass through it. Parts that are put into it later are not frozen. Returns `module`.
 *
 * The parameters stay parameters: they are counted and saved. One that is shared is frozen wherever it is.
 *
 * @example
 * const model = resnet18({ classes: 10, rng: new Rng(0) });
 * freeze(model);
 * unfreeze(model.fc); // the classifier alone is trained
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
 * Takes back what `freeze` did to `module` and everything below it: every parameter is trained, and each part has the mode
 * that it was last asked for. Returns `module`.
 */
export function unfreeze<M extends AnyModule>(module: M): M {
  checkModule("unfreeze", module);
  for (const t of module.parameters()) t.requiresGrad = true;
  for (const [, part] of module.namedModules()) setFrozen(part, false);
  return module;
}

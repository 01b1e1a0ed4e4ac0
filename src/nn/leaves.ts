/** Checks that the model can name everything it trains: unnamed tensors would be neither updated nor saved. */
import type { Gradients } from "../autograd/backward.ts";
import { ValueError } from "../tensor/errors.ts";
import { formatShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { isBuffer, originOf } from "./marks.ts";
import type { AnyModule } from "./module.ts";

/** Each model's parameters, as of the last time it was searched. */
const named = new WeakMap<AnyModule, ReadonlySet<Tensor>>();

/**
 * Throws if a leaf that received a gradient is not a named parameter of `model`. Cheap enough for every step.
 *
 * @param op the caller: `fit`.
 * @param alsoAllowed other leaves that may have gradients: the input, the parameters of a loss with parameters.
 * @throws ValueError that shows the leaf, what made it if known, and what to do.
 */
export function checkNamedLeaves(
  op: string,
  model: AnyModule,
  grads: Gradients,
  alsoAllowed: Iterable<Tensor> = [],
): void {
  let known = named.get(model);
  let allowed: ReadonlySet<Tensor> | undefined;
  for (const [t] of grads.entries()) {
    // Tensors other than leaves are there because they were asked for.
    if (!t.requiresGrad || t.node !== null || known?.has(t)) continue;
    allowed ??= new Set(alsoAllowed);
    if (allowed.has(t)) continue;
    known = new Set(model.parameters());
    named.set(model, known);
    if (!known.has(t)) throw unnamed(op, model, t);
  }
}

function unnamed(op: string, model: AnyModule, t: Tensor): ValueError {
  const name = model.constructor.name;
  if (isBuffer(t)) {
    return new ValueError(
      `${op}: a gradient reached a buffer of shape ${formatShape(t.shape)}, which is not trained: mark it with parameter(), or set its requiresGrad to false`,
    );
  }
  const origin = originOf(t);
  return new ValueError(
    `${op}: a gradient reached a tensor of shape ${formatShape(t.shape)}${origin ? `, ${origin},` : ""} that is not a named parameter of the ${name}, so it would be neither trained nor saved. Is it (or its holder) in a #private field, a closure, or an object that is not a module? Make it a property of the ${name}, or of a list, Map or plain object in one. If it belongs to another model, freeze() that one`,
  );
}

/** Groups of parameters by name, in one line. */
import { checkFunction, checkObject } from "../../tensor/arguments.ts";
import { ValueError } from "../../tensor/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type AnyModule, checkModule } from "../module.ts";
import type { ParameterGroup } from "./optimizer.ts";

/**
 * The model's trained parameters in groups that have the same options: different rates for different stages, no weight decay for
 * norms. Frozen parameters are left out.
 *
 * @param optionsOf the options of the parameter called `name` (`layer1.0.bn1.weight`); `{}` for the optimiser's own.
 *
 * @example
 * const model = resnet18({ classes: 10, rng: new Rng(0) });
 * const groups = parameterGroups(model, (name) => ({ lr: name.startsWith("fc") ? 0.1 : 0.001 }));
 * const optimizer = new SGD(groups, { lr: 0.1, momentum: 0.9 });
 * optimizer.groups.length; // 2
 *
 * @throws ValueError if every parameter is frozen.
 */
export function parameterGroups<Options extends object>(
  model: AnyModule,
  optionsOf: (name: string, parameter: Tensor) => Options,
): ParameterGroup<Options>[] {
  checkModule("parameterGroups", model);
  checkFunction("parameterGroups", "optionsOf", optionsOf);
  const groups = new Map<string, { parameters: Tensor[]; options: Options }>();
  for (const [name, t] of model.namedParameters()) {
    if (!t.requiresGrad) continue;
    const options = optionsOf(name, t);
    checkObject("parameterGroups", `the options of "${name}"`, options);
    const key = JSON.stringify(Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1)));
    const group = groups.get(key);
    if (group) group.parameters.push(t);
    else groups.set(key, { parameters: [t], options });
  }
  if (groups.size === 0) throw new ValueError("parameterGroups: the model has no parameter that is trained");
  return [...groups.values()].map(({ parameters, options }) => ({ ...options, parameters }));
}

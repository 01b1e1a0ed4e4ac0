/** What instruments and exporters are given, checked: a model, and a function that runs it. More: ../tensor/arguments.ts. */
import { describe } from "../tensor/check.ts";
import { UsageError } from "../tensor/errors.ts";
import { Module } from "./module.ts";

/** Throws unless `model` is a `Module`. */
export function checkModel(op: string, model: unknown): asserts model is Module {
  if (model instanceof Module) return;
  const { forward, namedModules } = (model ?? {}) as Partial<Module>;
  const other = typeof forward === "function" && typeof namedModules === "function";
  throw new UsageError(
    `${op}: needs a model, which is a Module, got ${describe(model)}${other ? ": does it come from a second copy of the library?" : ""}`,
  );
}

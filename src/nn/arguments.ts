/** What instruments and exporters are given, checked: a model, and a function that runs it. More: ../tensor/arguments.ts. */
import { checkModule } from "./is-module.ts";
import type { Module } from "./module.ts";

/** Throws unless `model` is a module. That it takes and gives one tensor shows when it runs. */
export function checkModel(op: string, model: unknown): asserts model is Module {
  checkModule(op, model);
}

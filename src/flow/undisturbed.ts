/** One pass through a model that leaves no trace in it. */
import type { Module } from "../nn/module.ts";
import { watchingDraws } from "./draws.ts";
import { preservingBuffers, recordingFrozen } from "./preserve.ts";

/** Runs `fn`, recording frozen parts too; running statistics, generators and what is frozen are restored afterwards. */
export function undisturbed<T>(model: Module, fn: () => T): T {
  return watchingDraws(() => preservingBuffers(model, () => recordingFrozen(model, fn))).value;
}

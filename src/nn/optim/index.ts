/** Optimisers, schedules and gradient clipping. */
export { Adam, type AdamOptions, AdamW, type Moments } from "./adam.ts";
export { type ClipOptions, clipGradNorm, clipGradValue, gradNorm } from "./clip.ts";
export type { CompleteGroup, Optimizer, ParameterGroup, Parameters } from "./optimizer.ts";
export { parameterGroups } from "./parameter-groups.ts";
export type { Plateau, PlateauOptions, PlateauState } from "./plateau.ts";
export { RMSprop, type RmspropOptions } from "./rmsprop.ts";
export type { OneCycleOptions, Schedule } from "./schedules.ts";
export * as schedules from "./schedules.ts";
export { SGD, type SgdOptions } from "./sgd.ts";
export type { OptimizerState } from "./state.ts";

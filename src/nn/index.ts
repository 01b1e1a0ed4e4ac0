/** State: modules, layers, initial values, optimisers, and the training loop. */
export * from "./activation.ts";
export { CheckpointedSequential } from "./checkpointed.ts";
export * from "./container.ts";
export * from "./conv.ts";
export { ConvTranspose2d, type ConvTranspose2dLayerOptions } from "./conv-transpose.ts";
export { copyState } from "./copy-state.ts";
export * from "./dropout.ts";
export { type EvaluateOptions, type Evaluation, evaluate, predict } from "./evaluate.ts";
export { fingerprint } from "./fingerprint.ts";
export * from "./fit.ts";
export { freeze, freezeStatistics, unfreeze } from "./freeze.ts";
export { fuse } from "./fuse.ts";
export type {
  FanMode,
  GainOptions,
  Initializer,
  KaimingOptions,
  Nonlinearity,
  NormalOptions,
  UniformOptions,
} from "./init.ts";
export * as init from "./init.ts";
export * from "./instance-norm.ts";
export * from "./linear.ts";
export * from "./metrics.ts";
export {
  type AnyModule,
  buffer,
  type LoadOptions,
  type LoadReport,
  Module,
  parameter,
  type StateDict,
} from "./module.ts";
export * from "./norm.ts";
export { type Observer, observe } from "./observe.ts";
export * from "./optim/index.ts";
export * from "./pool.ts";
export * from "./summary.ts";
export type { Batch, BatchSource, Input, Labels, Uninferred } from "./training/batch.ts";
export type { Checkpoint } from "./training/checkpoint.ts";
export type { CountedLoss, Loss } from "./training/loss.ts";
export type { Schedules } from "./training/rates.ts";
export { type SkippedBatch, TrainingError } from "./training/step.ts";
export { Upsample } from "./upsample.ts";
export { WeightAverage, type WeightAverageOptions } from "./weight-average.ts";

/** The numbers: tensors, shapes, randomness, and the kernels that compute on them. */
export type { SavedTensor } from "./clone.ts";
export * from "./create.ts";
export * from "./errors.ts";
export type { IndexTensor } from "./geometry/select.ts";
export type { Arithmetic, TierInUse, Told } from "./kernels.ts";
export { debugMemory, type Floats, type Values } from "./memory.ts";
export type { NestedArray, NestedNumbers } from "./nested.ts";
export type { Recorded, Rule } from "./node.ts";
export { oneHot } from "./one-hot.ts";
export { formatProfile, type KernelRow, type Profile, profile } from "./profile.ts";
export { Rng, type RngState } from "./rng.ts";
export { formatShape, type Shape } from "./shape.ts";
export type { Finished } from "./sync.ts";
export { isTensor, Tensor, type Tensor64 } from "./tensor.ts";
export { type ThreadOptions, type ThreadsInUse, useThreads } from "./threads.ts";
export { ready, releaseMemory, type Tier, tierInUse, useKernels } from "./tier.ts";

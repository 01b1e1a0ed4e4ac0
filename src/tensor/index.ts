/** The numbers: tensors, shapes, randomness, and the kernels that compute on them. */
export type { SavedTensor } from "./clone.ts";
export * from "./create.ts";
export * from "./errors.ts";
export type { ArrayKernels, Kernels, Told } from "./kernels.ts";
export { debugMemory, type Floats } from "./memory.ts";
export { formatProfile, type KernelRow, type Profile, profile } from "./profile.ts";
export { Rng } from "./rng.ts";
export { broadcastShapes, formatShape, type Shape, sizeOf, stridesOf } from "./shape.ts";
export { isTensor, type NestedArray, type NestedNumbers, Tensor, type Tensor64 } from "./tensor.ts";
export { kernels, ready, type Tier, useKernels } from "./tier.ts";

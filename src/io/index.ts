/**
 * Reads and writes weights as safetensors and PyTorch's `.pth`, reads those of TensorFlow.js; reads and writes networks as ONNX. Bytes in, tensors out, and
 * back; `skipstone/node` takes paths.
 */
export { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
export type { DType, FloatDType, StoredValues } from "./dtypes.ts";
export { FormatError } from "./errors.ts";
export { matchNames, type NameMatch } from "./names/match.ts";
export type { RenameRule } from "./names/rules.ts";
export { writeNpy, writeNpz } from "./npy/write.ts";
export * from "./onnx/index.ts";
export type { TorchOptimizer } from "./pth/optimizer-groups.ts";
export type { PthOptions } from "./pth/options.ts";
export { openPth, readPth } from "./pth/read.ts";
export { loadPthOptimizer, type PthOptimizerOptions } from "./pth/read-optimizer.ts";
export { pthChunks, writePth } from "./pth/write.ts";
export { writePthCheckpoint } from "./pth/write-checkpoint.ts";
export { openSafetensors, readSafetensors } from "./safetensors/read.ts";
export { type SafetensorsOptions, safetensorsChunks, writeSafetensors } from "./safetensors/write.ts";
export type { BlobLike, ByteSource, ResponseLike, WeightSource } from "./source.ts";
export { readTfjs, type TfjsOptions } from "./tfjs/read.ts";
export type {
  LazyWeightFile,
  ReadOptions,
  StoredTensor,
  TensorEntry,
  WeightFile,
  WeightIndex,
} from "./weight-file.ts";
export { loadWeights, openWeights, readWeights, type WeightOptions } from "./weights.ts";
export type { StateToWrite, TensorToWrite, WriteOptions } from "./writing.ts";

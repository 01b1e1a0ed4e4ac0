/** What computes, for the record of a run. */
import { availableParallelism } from "node:os";
import { kernels } from "../src/tensor/index.ts";

/** Kernels in use (those that `useKernels` chose) and their arithmetic, version of Node, cores. */
export function engineName(): string {
  // Bits of the SIMD tier depend on its arithmetic, those of the plain tier do not.
  const simd = `WebAssembly SIMD kernels, ${kernels.arithmetic} multiply-add`;
  const tier = kernels.name === "simd" ? simd : "plain TypeScript kernels";
  return `${tier}, Node ${process.versions.node}, ${availableParallelism()} cores`;
}

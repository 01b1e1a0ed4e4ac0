/** The engine that computes, for the record of a run. */
import { availableParallelism } from "node:os";
import { kernels } from "../src/tensor/index.ts";

/** The kernels in use (chosen by `useKernels`) and their arithmetic, the version of Node, cores. */
export function engineName(): string {
  // The SIMD tier's bits depend on its arithmetic, the plain tier's do not.
  const simd = `WebAssembly SIMD kernels, ${kernels.arithmetic} multiply-add`;
  const tier = kernels.name === "simd" ? simd : "plain TypeScript kernels";
  return `${tier}, Node ${process.versions.node}, ${availableParallelism()} cores`;
}

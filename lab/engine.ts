/** What computes, for the record of a run. */
import { availableParallelism } from "node:os";
import { kernels } from "../src/tensor/index.ts";

/** Kernels in use (those that `useKernels` chose), version of Node, cores. */
export function engineName(): string {
  const tier = kernels.name === "simd" ? "WebAssembly SIMD kernels" : "plain TypeScript kernels";
  return `${tier}, Node ${process.versions.node}, ${availableParallelism()} cores`;
}

/** What computes, for the record of a run. */
import { availableParallelism } from "node:os";
import { tierInUse } from "../src/tensor/index.ts";

/** Kernels in use (those that `useKernels` chose) and their arithmetic, version of Node, cores. */
export function engineName(): string {
  // Bits of the SIMD tier depend on its arithmetic, those of the plain tier do not.
  const { name, arithmetic } = tierInUse();
  const kernels = name === "simd" ? `WebAssembly SIMD kernels, ${arithmetic} multiply-add` : "plain TypeScript kernels";
  return `${kernels}, Node ${process.versions.node}, ${availableParallelism()} cores`;
}

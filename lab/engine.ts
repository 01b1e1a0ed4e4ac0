/** The engine that computes, for the record of a run. */
import { availableParallelism } from "node:os";
import { tierInUse } from "../src/tensor/index.ts";

/** The kernels in use (chosen by `useKernels`) and their arithmetic, the version of Node, cores. */
export function engineName(): string {
  // The SIMD tier's bits depend on its arithmetic, the plain tier's do not.
  const { name, arithmetic } = tierInUse();
  const kernels = name === "simd" ? `WebAssembly SIMD kernels, ${arithmetic} multiply-add` : "plain TypeScript kernels";
  return `${kernels}, Node ${process.versions.node}, ${availableParallelism()} cores`;
}

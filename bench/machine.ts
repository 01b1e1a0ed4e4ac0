/** Where a measurement was made. */
import { cpus } from "node:os";
import type { Arithmetic } from "../src/tensor/kernels.ts";
import { engine } from "./tiers.ts";

export interface Machine {
  readonly cpu: string;
  readonly node: string;
  readonly platform: string;
  /** How the SIMD tier rounds a·b + c here. */
  readonly arithmetic: Arithmetic;
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    arithmetic: engine?.features.multiplyAdd ? "fused" : "separate",
  };
}

export function describeMachine(): string {
  const { cpu, node, platform, arithmetic } = machine();
  return `${cpu}, Node ${node}, ${platform}, ${arithmetic} multiply-add`;
}

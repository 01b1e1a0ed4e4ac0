/** What a measurement has to say about where it was made. */
import { cpus } from "node:os";

export interface Machine {
  readonly cpu: string;
  readonly node: string;
  readonly platform: string;
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  };
}

export function describeMachine(): string {
  const { cpu, node, platform } = machine();
  return `${cpu}, Node ${node}, ${platform}`;
}

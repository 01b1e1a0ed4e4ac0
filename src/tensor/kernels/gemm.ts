// PLACEHOLDER, to be written
export function gemm(..._: unknown[]): void {
  throw new Error("gemm: not written yet");
}

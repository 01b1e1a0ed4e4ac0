// PLACEHOLDER, to be written
export function conv2d(..._: unknown[]): void {
  throw new Error("conv2d: not written yet");
}
export function conv2dInputGradient(..._: unknown[]): void {
  throw new Error("conv2dInputGradient: not written yet");
}
export function conv2dWeightGradient(..._: unknown[]): void {
  throw new Error("conv2dWeightGradient: not written yet");
}

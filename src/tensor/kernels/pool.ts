// PLACEHOLDER, to be written
export function avgPool2d(..._: unknown[]): void {
  throw new Error("avgPool2d: not written yet");
}
export function avgPool2dGradient(..._: unknown[]): void {
  throw new Error("avgPool2dGradient: not written yet");
}
export function maxPool2d(..._: unknown[]): void {
  throw new Error("maxPool2d: not written yet");
}
export function maxPool2dGradient(..._: unknown[]): void {
  throw new Error("maxPool2dGradient: not written yet");
}

// PLACEHOLDER, to be written
export function argmax(..._: unknown[]): void {
  throw new Error("argmax: not written yet");
}
export function reduce(..._: unknown[]): void {
  throw new Error("reduce: not written yet");
}

// PLACEHOLDER, to be written
export function adam(..._: unknown[]): void {
  throw new Error("adam: not written yet");
}
export function sgd(..._: unknown[]): void {
  throw new Error("sgd: not written yet");
}

// PLACEHOLDER, to be written
export function copyStrided(..._: unknown[]): void {
  throw new Error("copyStrided: not written yet");
}
export function indexAdd(..._: unknown[]): void {
  throw new Error("indexAdd: not written yet");
}
export function indexSelect(..._: unknown[]): void {
  throw new Error("indexSelect: not written yet");
}

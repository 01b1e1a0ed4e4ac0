// PLACEHOLDER, to be written
export function im2col(..._: unknown[]): void {
  throw new Error("im2col: not written yet");
}
export function col2im(..._: unknown[]): void {
  throw new Error("col2im: not written yet");
}

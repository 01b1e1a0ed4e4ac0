// PLACEHOLDER, to be written
export function moments(..._: unknown[]): void {
  throw new Error("moments: not written yet");
}
export function normalize(..._: unknown[]): void {
  throw new Error("normalize: not written yet");
}
export function normalizeGradient(..._: unknown[]): void {
  throw new Error("normalizeGradient: not written yet");
}

// PLACEHOLDER, to be written
export function logSoftmax(..._: unknown[]): void {
  throw new Error("logSoftmax: not written yet");
}
export function logSoftmaxGradient(..._: unknown[]): void {
  throw new Error("logSoftmaxGradient: not written yet");
}
export function softmax(..._: unknown[]): void {
  throw new Error("softmax: not written yet");
}
export function softmaxGradient(..._: unknown[]): void {
  throw new Error("softmaxGradient: not written yet");
}

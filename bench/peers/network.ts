/** The compared networks, written once for all peers; each peer supplies its own operations. */
import type { NetworkWork } from "../works.ts";

/**
 * The operations a library must supply. `name` identifies the weights; filters are kernel × kernel, zero padding is
 * ⌊kernel / 2⌋.
 */
export interface Operations<T> {
  conv(x: T, name: string, C: number, O: number, kernel: number, stride: number): T;
  /** Batch norm in training; nothing if it was folded into the convolution before. */
  norm(x: T, name: string, C: number): T;
  relu(x: T): T;
  add(x: T, y: T): T;
  /** Option A: every second row and column, and `extra` channels of zeros after the others. */
  halve(x: T, extra: number): T;
  /** 3×3, stride 2, padding 1. */
  maxPool(x: T): T;
  /** The mean of each channel, and a linear layer. */
  head(x: T, C: number, classes: number): T;
  /** Announces that x will be used twice, for libraries that count references. */
  twice(x: T): [T, T];
}

export function resnet<T>({ network, channels, width = 16 }: NetworkWork, x: T, ops: Operations<T>): T {
  if (network !== "ResNet-18" && network !== "ResNet-20") throw new Error("not written for the peers");
  const imageNet = network === "ResNet-18";
  const widths = imageNet ? [64, 128, 256, 512] : [width, 2 * width, 4 * width];
  const convNorm = (x: T, name: string, C: number, O: number, kernel: number, stride: number): T =>
    ops.norm(ops.conv(x, name, C, O, kernel, stride), name, O);

  let y = ops.relu(convNorm(x, "stem", channels, widths[0], imageNet ? 7 : 3, imageNet ? 2 : 1));
  if (imageNet) y = ops.maxPool(y);
  let C = widths[0];
  for (const [stage, O] of widths.entries()) {
    for (let block = 0; block < (imageNet ? 2 : 3); block++) {
      const name = `layer${stage + 1}.${block}`;
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const [left, right] = ops.twice(y);
      const branch = ops.relu(convNorm(left, `${name}.1`, C, O, 3, stride));
      const shortcut =
        C === O ? right : imageNet ? convNorm(right, `${name}.0`, C, O, 1, stride) : ops.halve(right, O - C);
      y = ops.relu(ops.add(convNorm(branch, `${name}.2`, O, O, 3, 1), shortcut));
      C = O;
    }
  }
  return ops.head(y, C, imageNet ? 1000 : 10);
}

/** Numbers in ±√(3 / fanIn), always the same: xorshift. Their values do not matter, but they should not be zeros. */
export function random(count: number, fanIn = 3): Float32Array {
  const bound = Math.sqrt(3 / fanIn);
  let state = 2463534242;
  return Float32Array.from({ length: count }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return bound * ((state >>> 0) / 2 ** 31 - 1);
  });
}

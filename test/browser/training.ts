/** A small training run that says in bits what came out: the same program for Node, for a page, for a worker. */
import {
  cifarResNet,
  crossEntropy,
  Rng,
  randn,
  SGD,
  type Tensor,
  type Tier,
  type TierInUse,
  tierInUse,
  useKernels,
  valueAndGrad,
} from "../../src/index.ts";

export interface Training {
  /** Name of the kernels that computed. */
  readonly tier: string;
  /** Loss before each step. */
  readonly losses: readonly number[];
  /** Every parameter after the last step, folded into 32 bits: equal only if all of them are equal to the last bit. */
  readonly fingerprint: string;
}

/** Three classes of 12 × 12 images: noise with a bright left, right or lower half. */
function batch(rng: Rng, N: number): { x: Tensor; labels: Int32Array } {
  const x = randn([N, 1, 12, 12], rng);
  const labels = Int32Array.from({ length: N }, () => rng.integer(3));
  for (let n = 0; n < N; n++) {
    for (let h = 0; h < 12; h++) {
      for (let w = 0; w < 12; w++) {
        const bright = [w < 6, w >= 6, h >= 6][labels[n]];
        if (bright) x.data[(n * 12 + h) * 12 + w] += 1;
      }
    }
  }
  return { x, labels };
}

/** Trains a residual network of 8 layers for `steps` steps, from a fixed seed. */
export function train(on: Tier | TierInUse, steps = 30): Training {
  const previous = useKernels(on);
  const rng = new Rng(2026);
  const model = cifarResNet(8, { width: 4, inChannels: 1, classes: 3, rng: rng.fork("weights") });
  const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
  const data = rng.fork("data");
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const { x, labels } = batch(data, 16);
    const { value, grads } = valueAndGrad(() => crossEntropy(model.forward(x), labels));
    losses.push(value.item());
    optimizer.step(grads);
  }
  const tier = tierInUse().name;
  useKernels(previous);
  return { tier, losses, fingerprint: fingerprintOf(model.parameters()) };
}

/** FNV-1a over the bytes of all values. */
function fingerprintOf(tensors: readonly Tensor[]): string {
  let hash = 0x811c9dc5;
  for (const { data } of tensors) {
    for (const byte of new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) {
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** One line: first and last loss in full, and the fingerprint. */
export function describeTraining({ losses, fingerprint }: Training): string {
  return `loss ${losses[0]} → ${losses[losses.length - 1]} in ${losses.length} steps, parameters ${fingerprint}`;
}

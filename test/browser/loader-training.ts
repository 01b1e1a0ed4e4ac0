/** A training with augmented batches: the same program for Node, and for a page whose worker makes them. */
import {
  type Batch,
  type BatchSource,
  batches,
  type Checkpoint,
  cifarResNet,
  compose,
  fit,
  makeDataset,
  Rng,
  randn,
  randomCrop,
  randomFlip,
  readCheckpoint,
  SGD,
  useKernels,
  writeCheckpoint,
} from "../../src/index.ts";
import { checksumOf } from "./checksum.ts";

const pictures = makeDataset({
  name: "noise",
  images: Uint8Array.from(randn([24, 1, 8, 8], new Rng(1)).data, (v) => 128 + 30 * v),
  labels: Uint8Array.from({ length: 24 }, (_, i) => i % 3),
  shape: [24, 1, 8, 8],
  classes: ["a", "b", "c"],
});

/** Three batches. */
export function augmented(rng: Rng): BatchSource & Iterable<Batch> {
  return batches(pictures, { batchSize: 8, rng, augment: compose(randomCrop(2), randomFlip()) });
}

export interface Trained {
  readonly losses: readonly number[];
  readonly weights: number;
  readonly checkpoint: Checkpoint;
}

/** Three epochs of three steps on plain kernels, or until `stopAfter` steps are done. */
export async function train(
  data: (epoch: number, rng: Rng) => BatchSource,
  stopAfter = 9,
  resume: Checkpoint | null = null,
): Promise<Trained> {
  useKernels("plain");
  const model = cifarResNet(8, { width: 2, inChannels: 1, classes: 3, rng: new Rng(2) });
  const rng = new Rng(3);
  let saved: Uint8Array | undefined;
  const { steps } = await fit(model, {
    data: (epoch) => data(epoch, rng),
    optimizer: new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
    steps: 9,
    resume,
    onStep: ({ step, checkpoint }) => {
      saved = writeCheckpoint(checkpoint());
      return step + 1 < stopAfter;
    },
  });
  const losses = steps.map(({ loss }) => loss);
  return { losses, weights: checksumOf(model.stateDict()), checkpoint: readCheckpoint(saved!) };
}

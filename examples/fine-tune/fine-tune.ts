/** The training itself, the same in Node (main.ts) and in a page (page.ts); train.py is the same program in PyTorch. */
import {
  accuracy,
  batches,
  type Checkpoint,
  compose,
  createModel,
  type Dataset,
  evaluate,
  exportOnnx,
  fit,
  freeze,
  freezeStatistics,
  IMAGENET1K_V1,
  type ImageNetResNet,
  parameterGroups,
  Rng,
  randomCrop,
  randomFlip,
  randomSplit,
  replaceHead,
  SGD,
  type StateDict,
} from "../../src/index.ts"; // In your project: from "skipstone".
import { SIDE } from "./pictures.ts";

export interface Training {
  /** Of a ResNet-18 for 1000 classes. */
  readonly weights: StateDict;
  readonly pictures: Dataset;
  readonly steps: number;
  readonly resume: Checkpoint | null;
  /** Called after each step. False ends the training. */
  readonly onStep: (step: number, loss: number, checkpoint: () => Checkpoint) => Promise<boolean>;
}

/** What came out: the network, and which share of the unseen pictures it names rightly. */
export interface Tuned {
  readonly model: ImageNetResNet;
  readonly accuracy: number;
}

export async function fineTune({ weights, pictures, steps, resume, onStep }: Training): Promise<Tuned> {
  const rng = new Rng(1);
  const model = createModel("resnet18", { rng: new Rng(0) });
  model.loadStateDict(weights);
  replaceHead(model, pictures.classes.length, { rng });
  freeze(model, ["conv1", "bn1", "layer1"]);
  // Statistics of a small set of pictures would be worse than those of the large one.
  freezeStatistics(model);

  const [seen, unseen] = randomSplit(pictures, [0.8, 0.2], rng);
  const normalize = IMAGENET1K_V1;
  const data = batches(seen, { batchSize: 16, rng, normalize, augment: compose(randomCrop(4), randomFlip()) });
  const groups = parameterGroups(model, (name) => ({ lr: name.startsWith("fc") ? 0.01 : 0.0005 }));
  await fit(model, {
    data: () => data,
    optimizer: new SGD(groups, { lr: 0.0005, momentum: 0.9, weightDecay: 1e-4 }),
    steps,
    resume,
    onStep: async ({ step, loss, checkpoint }) => await onStep(step, loss, checkpoint),
  });
  const { metrics } = await evaluate(model, batches(unseen, { batchSize: 20, normalize }), { metrics: { accuracy } });
  return { model, accuracy: metrics.accuracy };
}

/** The network for ONNX Runtime, for any number of pictures at once. */
export function toOnnx(model: ImageNetResNet): Uint8Array {
  return exportOnnx(model, { inputShape: [3, SIDE, SIDE] });
}

/** From a run to one of its two networks, with its optimiser and its batches; and the network as the page shows it. */
import {
  type Batches,
  batches,
  type Certificate,
  certify,
  channelStatistics,
  cifarResNet,
  type Dataset,
  describeNetwork,
  makeDataset,
  type Normalization,
  type ResNet,
  Rng,
  SGD,
  type Tensor,
  tensor,
  tierInUse,
} from "skipstone";
import type { BlockRow, CertificateRow, Images, NetworkRow } from "./protocol.ts";
import type { Run, Side } from "./state.ts";

const CLASSES = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] as const;

/**
 * The network of one side. Both sides draw their weights from the same seed: they begin with the same numbers wherever they
 * have the same parameters.
 *
 * @throws ValueError for what the library does not make, such as a start at zero without shortcuts.
 */
export function makeModel({ depth, width, seed }: Pick<Run, "depth" | "width" | "seed">, side: Side): ResNet {
  const { shortcut, lambda, gateBias, order, batchNorm, start } = side;
  return cifarResNet(depth, {
    width,
    inChannels: 1,
    classes: CLASSES.length,
    shortcut,
    ...(shortcut === "scale" ? { shortcutScale: lambda } : {}),
    ...(shortcut === "gate" || shortcut === "shortcutGate" ? { gateBias } : {}),
    order,
    batchNorm,
    start,
    rng: new Rng(seed).fork("weights"),
  });
}

/** SGD with the run's momentum and weight decay, and the side's rate. */
export function makeOptimizer(model: ResNet, { momentum, weightDecay }: Run, { learningRate }: Side): SGD {
  return new SGD(model.parameters(), { lr: learningRate, momentum, weightDecay });
}

/** Images as the library takes them. */
export function datasetOf({ images, labels, pixels }: Images, name: string): Dataset {
  return makeDataset({ name, images, labels, shape: [labels.length, 1, pixels, pixels], classes: CLASSES });
}

/** Mean and deviation of the training images, which all images of the run are normalised by. */
export function normalizationOf(train: Dataset): Normalization {
  return channelStatistics(train);
}

/** The batches of an epoch. Their order is drawn from the seed alone: both sides see the same. */
export function makeBatches(train: Dataset, normalize: Normalization, { batch, seed }: Run): Batches {
  return batches(train, { batchSize: batch, rng: new Rng(seed).fork("batches"), normalize, dropLast: true });
}

/** Pictures of values 0 … 1, `pixels`² each, as the network gets them: `[N, 1, pixels, pixels]`. */
export function normalized(values: Float32Array, pixels: number, { mean, std }: Normalization): Tensor {
  const data = values.map((value) => (value - mean[0]) / std[0]);
  return tensor(data, [values.length / pixels ** 2, 1, pixels, pixels]);
}

/** The images at these places, of 8 bits, as values 0 … 1. */
export function picturesOf({ images, pixels }: Images, places: readonly number[]): Float32Array {
  const size = pixels ** 2;
  const values = new Float32Array(places.length * size);
  places.forEach((place, i) => {
    for (let j = 0; j < size; j++) values[i * size + j] = images[place * size + j] / 255;
  });
  return values;
}

/** Whether training draws random numbers beside the order of images, so that an instrument's pass would change the run. */
export function drawsInTraining({ shortcut }: Side): boolean {
  return shortcut === "dropout";
}

/** The network as the diagram shows it. */
export function networkRow(model: ResNet, pixels: number): NetworkRow {
  const { convolutions, blocks, parameters } = describeNetwork(model);
  let size = pixels;
  const rows = blocks.map(({ convolutions: own, ...block }): BlockRow => {
    size = Math.ceil(size / block.stride);
    return { ...block, pixels: size, layers: own.map((path) => convolutions.indexOf(path)) };
  });
  const { name, arithmetic } = tierInUse();
  return { layers: convolutions, blocks: rows, parameters, tier: `${name}, ${arithmetic}` };
}

/** The certificate, made on a few images. The model and its generators stay as they were. */
export function certificateRow(model: ResNet, x: Tensor): CertificateRow {
  const { holds, summary, blocks, whole } = certify(model, x);
  return {
    holds,
    summary,
    blocks: blocks.map(({ block, verdict, reason }) => ({ path: block, kind: verdict, reason })),
    product: productOf(whole),
  };
}

/** The factor of every entry that passes all shortcuts; null where there is none that is proved. */
function productOf({ cut, verdict, factor }: Certificate["whole"]): number | null {
  const isProved = ["identity", "selection", "mask", "scale"].includes(verdict);
  return cut === null && isProved ? factor : null;
}

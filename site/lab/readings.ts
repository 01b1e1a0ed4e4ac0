/**
 * What the page reads off a network between two steps. Nothing here moves the run: modes, running statistics and generators are
 * as they were afterwards, and no weight changes.
 */
import {
  accuracy,
  type BlockDescription,
  backward,
  batches,
  crossEntropy,
  type Dataset,
  describeNetwork,
  evaluate,
  type FlowRow,
  flowVerdict,
  identityShares,
  type Normalization,
  noGrad,
  observe,
  type ResNet,
  saliency,
  softmax,
  subset,
  type Tensor,
  withLesion,
} from "skipstone";
import type { Tiles } from "./protocol.ts";
import { flowSentence } from "./words.ts";

/** Test images that are read for the accuracy, in parts with a turn of the event loop between. */
export const TEST = { images: 300, parts: 3 } as const;

/** Test images that are read for a lesion. */
const LESION_IMAGES = 100;

/** The most pictures of one kind that a block shows. */
const MOST_TILES = 16;

/** The probabilities of the classes, `images × classes` numbers. */
export function probabilitiesOf(model: ResNet, x: Tensor): Float32Array {
  return inEvaluation(model, () => noGrad(() => Float32Array.from(softmax(model.forward(x), 1).data)));
}

/** How many of a part of the test images are read rightly. */
export async function countCorrect(
  model: ResNet,
  test: Dataset,
  normalize: Normalization,
  part: number,
): Promise<number> {
  const size = Math.min(TEST.images, test.shape[0]) / TEST.parts;
  const [from, to] = [Math.round(part * size), Math.round((part + 1) * size)];
  const places = Array.from({ length: to - from }, (_, i) => from + i);
  return Math.round((await accuracyOn(model, subset(test, places), normalize)) * places.length);
}

async function accuracyOn(model: ResNet, test: Dataset, normalize: Normalization): Promise<number> {
  const data = batches(test, { batchSize: test.shape[0], normalize });
  const { metrics } = await evaluate(model, data, { loss: null, metrics: { accuracy } });
  return metrics.accuracy;
}

/** Test accuracy with and without the branch of a block; null where a block cannot be left out, because it has no shortcut. */
export async function lesionOf(
  model: ResNet,
  path: string,
  test: Dataset,
  normalize: Normalization,
): Promise<{ whole: number; without: number } | null> {
  const places = Array.from({ length: Math.min(LESION_IMAGES, test.shape[0]) }, (_, i) => i);
  const data = subset(test, places);
  const { shortcut, cut, stride, inChannels, outChannels } = blockAt(model, path);
  const isPlain = shortcut === "none" || cut === "shortcut";
  if (isPlain && (stride !== 1 || inChannels !== outChannels)) return null;
  const whole = await accuracyOn(model, data, normalize);
  return { whole, without: await withLesion(model, [path], () => accuracyOn(model, data, normalize)) };
}

/** Of each block the share of the gradient at its output that reaches its input over the shortcut. */
export function sharesOf(model: ResNet, x: Tensor, labels: Int32Array): Float32Array {
  const rows = identityShares(model, () => crossEntropy(model.forward(x), labels));
  const shares = new Map(rows.map((row) => [row.block, row.gradientNorm === 0 ? Number.NaN : row.identityShare]));
  return Float32Array.from(model.blocks(), ([path]) => shares.get(path) ?? Number.NaN);
}

/** A block from inside: filters of its first convolution, what comes out of it for an image, and the gradient of that. */
export function tilesOf(
  model: ResNet,
  path: string,
  x: Tensor,
  label: number,
): { filters: Tiles; activations: Tiles; gradients: Tiles } {
  const weight = model.stateDict()[`${blockAt(model, path).convolutions[0]}.weight`];
  const [, , K] = weight.shape;
  let y: Tensor | undefined;
  const loss = inEvaluation(model, () =>
    observe(
      model,
      (name, _module, _x, output) => {
        if (name === path) y = output;
      },
      () => crossEntropy(model.forward(x), [label]),
    ),
  );
  const gradients = backward(loss, { keep: [y!] });
  const side = y!.shape[2];
  return {
    filters: tiles(weight.data, K),
    activations: tiles(y!.data, side),
    gradients: tiles(gradients.has(y!) ? gradients.get(y!).data : new Float32Array(y!.size), side),
  };
}

function blockAt(model: ResNet, path: string): BlockDescription {
  return describeNetwork(model).blocks.find((block) => block.path === path)!;
}

/** Training goes on in the mode it had: the page's networks have no part of another. */
function inEvaluation<T>(model: ResNet, fn: () => T): T {
  model.eval();
  try {
    return fn();
  } finally {
    model.train();
  }
}

function tiles(values: ArrayLike<number>, side: number): Tiles {
  const count = Math.min(MOST_TILES, values.length / side ** 2);
  return { side, count, values: Float32Array.from({ length: count * side ** 2 }, (_, i) => values[i]) };
}

/** What the network says about a picture, and how much each pixel could change that, smoothed over 3×3. */
export function readPicture(
  model: ResNet,
  x: Tensor,
  withSaliency: boolean,
): { probabilities: Float32Array; saliency: Float32Array | null } {
  const probabilities = probabilitiesOf(model, x);
  return { probabilities, saliency: withSaliency ? smoothed(saliency(model, x).data, x.shape[3]) : null };
}

/** The mean over each pixel and its neighbours, as far as there are any. */
export function smoothed(map: ArrayLike<number>, side: number): Float32Array {
  return Float32Array.from({ length: map.length }, (_, at) => {
    const [row, column] = [Math.floor(at / side), at % side];
    let [sum, count] = [0, 0];
    for (let i = Math.max(0, row - 1); i <= Math.min(side - 1, row + 1); i++) {
      for (let j = Math.max(0, column - 1); j <= Math.min(side - 1, column + 1); j++, count++) sum += map[i * side + j];
    }
    return sum / count;
  });
}

/**
 * The verdict on the flow in the page's words. A single step may jump by a factor of a thousand, so the norms are medians over
 * the last steps.
 *
 * @param rows of one step, of the layers of the chart.
 * @param norms the median norm at each of these layers.
 */
export function verdictOf(
  rows: readonly FlowRow[],
  norms: ReadonlyMap<string, number>,
): { health: string; sentence: string } {
  if (rows.length === 0) return { health: "unknown", sentence: "" };
  const steady = rows.map((row) => ({ ...row, gradientNorm: norms.get(row.layer) ?? row.gradientNorm }));
  const { verdict } = flowVerdict(steady);
  const factor = steady[0].gradientNorm / steady[steady.length - 1].gradientNorm;
  return { health: verdict, sentence: flowSentence(verdict, factor) };
}

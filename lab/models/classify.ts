/** `npm run lab -- classify IMAGE`: what a network sees in a photograph, and how long that takes. */
import { readFileSync } from "node:fs";
import { noGrad, softmax } from "../../src/autograd/index.ts";
import { fuse } from "../../src/nn/index.ts";
import { messageOf, UsageError } from "../errors.ts";
import { reasonOf } from "../files.ts";
import { grouped } from "../report/format.ts";
import { IMAGENET, type Preprocessing, preprocess, readImage, withChannels } from "./image.ts";
import { imageChannels, networkWith, usualInput } from "./network.ts";
import { readState, type WeightFlags } from "./weights.ts";

export interface ClassifyRequest extends WeightFlags {
  readonly image: string;
  readonly network: string;
  readonly weights: string;
  /** A file with a line (or an entry of a JSON list) per class; undefined: numbers. */
  readonly labels: string | undefined;
  readonly top: number;
  /** Side of the image's middle square for the network; undefined: its usual size. */
  readonly size: number | undefined;
  /** Per channel, of the images the weights were trained on; undefined: ImageNet's. */
  readonly mean: readonly number[] | undefined;
  readonly std: readonly number[] | undefined;
}

/** How often a prediction is timed: the first one also assembles the kernels. */
const REPETITIONS = 5;

export async function classify(request: ClassifyRequest): Promise<string> {
  const started = performance.now();
  const weights = await readState(request.weights, request);
  const model = networkWith(request.network, weights);
  const parameters = model.parameterCount();
  fuse(model);
  const loading = performance.now() - started;

  // Fully connected networks were trained on gray digits.
  const channels = imageChannels(weights) ?? 1;
  const image = withChannels(readImage(request.image), channels);
  const x = preprocess(image, preprocessing(request, usualInput(model)[1], channels));

  let probabilities: number[] = [];
  const times = Array.from({ length: REPETITIONS }, () => {
    const start = performance.now();
    probabilities = noGrad(() => Array.from(softmax(model.forward(x)).data));
    return performance.now() - start;
  });
  const labels = request.labels === undefined ? undefined : readLabels(request.labels, probabilities.length);
  const best = probabilities
    .map((probability, label) => ({ probability, name: labels?.[label] ?? `class ${label}` }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, request.top);
  return [
    ...best.map(({ probability, name }) => `${(100 * probability).toFixed(1).padStart(5)} %  ${name}`),
    `${request.network}, ${grouped(parameters)} parameters: ${Math.round(loading)} ms to load, ${Math.round(times[0])} ms for the first prediction, ${Math.min(...times).toFixed(1)} ms for the next`,
  ].join("\n");
}

function preprocessing({ size, mean, std }: ClassifyRequest, usualSize: number, channels: number): Preprocessing {
  const crop = size ?? usualSize;
  return {
    // Larger than the crop by torchvision's ratio, 256 to 224. Small images are used whole.
    resize: crop >= 128 ? Math.round((crop * IMAGENET.resize) / IMAGENET.crop) : crop,
    crop,
    mean: perChannel("--mean", mean ?? (channels === 3 ? IMAGENET.mean : [IMAGENET.mean[0]]), channels),
    std: perChannel("--std", std ?? (channels === 3 ? IMAGENET.std : [IMAGENET.std[0]]), channels),
  };
}

function perChannel(option: string, values: readonly number[], channels: number): readonly number[] {
  if (values.length === channels) return values;
  throw new UsageError(`${option} ${values.join(",")}: the network's images have ${channels} channels`);
}

/** A line per class, or a JSON list. */
function readLabels(path: string, classes: number): string[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`cannot read the labels ${path}: ${reasonOf(error)}`);
  }
  const labels = text.trimStart().startsWith("[")
    ? fromJson(path, text)
    : text.split(/\r?\n/).filter((line) => line.trim());
  if (labels.length !== classes) {
    throw new UsageError(`the labels ${path} name ${labels.length} classes, the network has ${classes}`);
  }
  return labels;
}

function fromJson(path: string, text: string): string[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`the labels ${path} begin with [ but are not JSON: ${messageOf(error)}`);
  }
  if (!Array.isArray(list) || !list.every((item) => typeof item === "string")) {
    throw new UsageError(`the labels ${path} are not a list of texts`);
  }
  return list;
}

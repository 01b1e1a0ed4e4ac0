/** `npm run lab -- classify IMAGE`: what a network sees in a photograph, and how long that takes. */
import { flatten, noGrad, sigmoid, softmax } from "../../src/autograd/index.ts";
import { IMAGENET1K_V1, imageToTensor, type Preprocessing } from "../../src/data/index.ts";
import { fuse, type Module, type StateDict } from "../../src/nn/index.ts";
import { formatShape, type Tensor, useThreads } from "../../src/tensor/index.ts";
import { RunError, UsageError } from "../errors.ts";
import { grouped } from "../report/format.ts";
import { onThreads } from "../threads.ts";
import { readImage } from "./image.ts";
import { readLabels } from "./labels.ts";
import { checkName, imageChannels, inputOf, networkIn, networkWith, usualInput } from "./network.ts";
import { readState, type WeightFlags } from "./weights.ts";

export interface ClassifyRequest extends WeightFlags {
  readonly image: string;
  /** A name, or a path that ends in .onnx. */
  readonly network: string;
  /** Needed for a network by its name. */
  readonly weights?: string;
  /** A file with the classes' names, see labels.ts; undefined: numbers. */
  readonly labels: string | undefined;
  readonly top: number;
  readonly threads: number;
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
  const { model, channels, side } = request.network.endsWith(".onnx")
    ? fileNetwork(request)
    : await namedNetwork(request);
  const parameters = model.parameterCount();
  const { threads, why } = await useThreads(request.threads);
  fuse(model);
  const loading = performance.now() - started;

  const { pixels, orientation } = await readImage(request.image);
  const x = imageToTensor(pixels, preprocessing(request, side, channels));
  if (!x.data.every(Number.isFinite)) {
    throw new UsageError("the normalised image is not finite: --mean and --std are too large or too small for it");
  }

  let probabilities: number[] = [];
  const times = Array.from({ length: REPETITIONS }, () => {
    const start = performance.now();
    probabilities = probabilitiesOf(model, x);
    return performance.now() - start;
  });
  if (!probabilities.every(Number.isFinite)) {
    throw new RunError(`${request.network} answers ${probabilities.slice(0, 3).join(", ")} …: its numbers overflow`);
  }
  const labels = request.labels === undefined ? undefined : readLabels(request.labels, probabilities.length);
  const best = probabilities
    .map((probability, label) => ({ probability, name: labels?.[label] ?? `class ${label}` }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, request.top);
  return [
    ...(orientation === 1 ? [] : [`The picture was turned upright, as its EXIF orientation ${orientation} says.`]),
    ...best.map(({ probability, name }) => `${(100 * probability).toFixed(1).padStart(5)} %  ${name}`),
    `${request.network}, ${grouped(parameters)} parameters: ${Math.round(loading)} ms to load, ${Math.round(times[0])} ms for the first prediction, ${Math.min(...times).toFixed(1)} ms for the next, ${onThreads(threads)}${why === null ? "" : ` (${why})`}`,
  ].join("\n");
}

/** A network, and the channels and the side of its images. */
interface Subject {
  readonly model: Module;
  readonly channels: number;
  readonly side: number;
}

async function namedNetwork({ network, weights: path, ...flags }: ClassifyRequest): Promise<Subject> {
  checkName(network);
  if (path === undefined) throw new UsageError(`${network}: name the file of its weights with --weights`);
  const weights = await readState(path, flags);
  checkFinite(weights, `the weights ${path}`);
  const model = networkWith(network, weights);
  // Fully connected networks were trained on gray digits.
  return { model, channels: imageChannels(weights) ?? 1, side: usualInput(model)[1] };
}

/** The network in an .onnx file, which says what images it takes. */
function fileNetwork({ network, size, weights }: ClassifyRequest): Subject {
  if (weights !== undefined) throw new UsageError("--weights is for networks by name, not for .onnx files");
  const model = networkIn(network);
  checkFinite(model.stateDict(), `the weights in ${network}`);
  const shape = inputOf(model);
  const [, channels, H, W] = shape ?? [null, null, null, null];
  if ((shape && shape.length !== 4) || (channels ?? 3) > 4) {
    const wanted = shape?.map((length) => length ?? "any").join("x");
    throw new UsageError(`${network} takes ${wanted}, which are no images [N, C, H, W] with 1 to 4 channels`);
  }
  const side = size ?? H ?? W;
  if (side === null) throw new UsageError(`${network} takes images of every size: give one with --size`);
  if ((H ?? side) !== side || (W ?? side) !== side) {
    throw new UsageError(
      `${network} takes images of ${H ?? "any"}x${W ?? "any"}, but classify makes them ${side}x${side}`,
    );
  }
  return { model, channels: channels ?? imageChannels(model.stateDict()) ?? 3, side };
}

/** One output is the logit of class 1 against class 0: its sigmoid. Several are those of as many classes: their softmax, unless the network ends with one. */
function probabilitiesOf(model: Module, x: Tensor): number[] {
  return noGrad(() => {
    const logits = model.forward(x);
    if (logits.shape.filter((length) => length !== 1).length > 1) {
      throw new UsageError(`the network answers ${formatShape(logits.shape)}, which is not one number for each class`);
    }
    if (logits.data.length > 1)
      return Array.from(areProbabilities(logits.data) ? logits.data : softmax(flatten(logits), 0).data);
    const [one] = sigmoid(logits).data;
    return [1 - one, one];
  });
}

/** Logits that happen to be none below 0 and to add up to 1 are as good as impossible. */
function areProbabilities(values: Float32Array): boolean {
  return values.every((p) => p >= 0) && Math.abs(values.reduce((sum, p) => sum + p, 0) - 1) < 1e-4;
}

/** One weight that is NaN or infinite can make all answers NaN. */
function checkFinite(weights: StateDict, what: string): void {
  for (const [name, { data }] of Object.entries(weights)) {
    for (let i = 0; i < data.length; i++) {
      if (!Number.isFinite(data[i])) {
        throw new UsageError(`${what} are not finite: number ${i} of ${name} is ${data[i]}`);
      }
    }
  }
}

function preprocessing({ size, mean, std }: ClassifyRequest, usualSize: number, channels: number): Preprocessing {
  const crop = size ?? usualSize;
  return {
    // Larger than the crop by torchvision's ratio, 256 to 224. Small images are used whole.
    resize: crop >= 128 ? Math.round((crop * 256) / 224) : crop,
    crop,
    mean: perChannel("--mean", mean ?? (channels === 3 ? IMAGENET1K_V1.mean : [IMAGENET1K_V1.mean[0]]), channels),
    std: perChannel("--std", std ?? (channels === 3 ? IMAGENET1K_V1.std : [IMAGENET1K_V1.std[0]]), channels),
  };
}

function perChannel(option: string, values: readonly number[], channels: number): readonly number[] {
  if (values.length === channels) return values;
  throw new UsageError(`${option} ${values.join(",")}: the network's images have ${channels} channels`);
}

/** Which network a file of weights belongs to, found by names and shapes, and what it sees in a picture. No page in here. */
import {
  backward,
  createModel,
  freeze,
  IMAGENET1K_V1,
  isModelName,
  type ModelName,
  type ModelOptions,
  type Module,
  matchNames,
  mean,
  mul,
  type Observer,
  observe,
  type Preprocessing,
  Rng,
  relu,
  type StateDict,
  slice,
  softmax,
  sum,
  type Tensor,
} from "../../src/index.ts"; // In your project: from "skipstone".

/** Networks for photographs, and how their pictures are made. */
export interface Network {
  readonly name: ModelName;
  readonly model: Module;
  readonly classes: number;
  readonly preprocessing: Preprocessing;
}

/** One of the likeliest classes. */
export interface Answer {
  readonly label: number;
  readonly probability: number;
}

/** Blocks per stage, kind of block, and shape of the 3 × 3 filters of the first bottleneck, of torchvision's networks. */
const RESNETS: Readonly<Record<string, string>> = {
  "basic 2,2,2,2": "resnet18",
  "basic 3,4,6,3": "resnet34",
  "bottleneck 3,4,6,3 64,64": "resnet50",
  "bottleneck 3,4,23,3 64,64": "resnet101",
  "bottleneck 3,8,36,3 64,64": "resnet152",
  "bottleneck 3,4,6,3 128,4": "resnext50_32x4d",
  "bottleneck 3,4,23,3 256,8": "resnext101_32x8d",
  "bottleneck 3,4,6,3 128,128": "wide_resnet50_2",
  "bottleneck 3,4,23,3 128,128": "wide_resnet101_2",
};

const VGG_DEPTHS: Readonly<Record<number, number>> = { 8: 11, 10: 13, 13: 16, 16: 19 };

/** The network with these names and shapes; undefined if there is none. A name before all names (`module.`) does not matter. */
export function networkNameOf(state: StateDict): ModelName | undefined {
  const names = Object.keys(state);
  const blocks = new Map<string, Set<string>>();
  for (const name of names) {
    const [, stage, block] = /(?:^|\.)layer(\d)\.(\d+)\./.exec(name) ?? [];
    if (stage) blocks.set(stage, (blocks.get(stage) ?? new Set()).add(block));
  }
  const counts = [...blocks.values()].map((stage) => stage.size);
  const shapeOf = (end: string): readonly number[] =>
    state[names.find((name) => name === end || name.endsWith(`.${end}`)) ?? ""]?.shape ?? [];
  const isBottleneck = shapeOf("layer1.0.conv3.weight").length > 0;
  let name = "";
  if (counts.length === 4) {
    const [out, into] = shapeOf("layer1.0.conv2.weight");
    name = RESNETS[isBottleneck ? `bottleneck ${counts} ${out},${into}` : `basic ${counts}`] ?? "";
  } else if (counts.length === 3 && !isBottleneck) {
    name = `resnet${6 * counts[0] + 2}`;
  } else if (counts.length === 0) {
    const inFeatures = names.filter((other) => /(^|\.)features\.\d+\.weight$/.test(other));
    const convolutions = inFeatures.filter((other) => state[other].rank === 4).length;
    name = `vgg${VGG_DEPTHS[convolutions]}${inFeatures.length > convolutions ? "_bn" : ""}`;
  }
  return isModelName(name) ? name : undefined;
}

/**
 * The network of these weights, ready to classify.
 *
 * @param chosen its name; without it, it is found by the names and shapes.
 * @throws Error in words for the reader, for weights that are no network's for photographs.
 */
export function networkFor(state: StateDict, chosen?: ModelName): Network {
  const name = chosen ?? networkNameOf(state);
  const some = Object.keys(state).slice(0, 3).join(", ");
  if (!name) {
    throw new Error(
      `These weights are of no network I know by their names (${some || "there are none"} …). If you know which it is, choose it under “Network”.`,
    );
  }
  const matrices = Object.values(state).filter(({ shape }) => shape.length === 2);
  const filters = Object.values(state).find(({ shape }) => shape.length === 4);
  if (matrices.length === 0 || !filters) throw new Error(`These weights lack filters or a classifier (${some} …).`);
  if (filters.shape[1] !== 3) {
    throw new Error(`This network's pictures have ${filters.shape[1]} channels; a photograph has 3.`);
  }
  const classes = matrices[matrices.length - 1].shape[0];
  // Nothing is initialised: every number comes from the file.
  const model: Module = createModel(name, { classes, rng: new Rng(0), init: () => {} } as ModelOptions<ModelName>);
  try {
    model.loadStateDict(matchNames(state, model).state);
  } catch (error) {
    throw new Error(`These weights are not those of ${name}: ${(error as Error).message.slice(0, 400)}`);
  }
  freeze(model).eval();
  const small = /^(resnet|plain)(20|32|44|56|110|1202)$|^preact/.test(name);
  return { name, model, classes, preprocessing: small ? { ...IMAGENET1K_V1, resize: 32, crop: 32 } : IMAGENET1K_V1 };
}

/** The likeliest classes of one picture `[1, 3, H, W]`, the likeliest first. */
export function classify({ model }: Network, x: Tensor, count = 5): Answer[] {
  const probabilities = softmax(model.forward(x), 1).data;
  if (!probabilities.every(Number.isFinite))
    throw new Error("The network's answer is not finite: the weights are damaged.");
  return Array.from(probabilities, (probability, label) => ({ label, probability }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, count);
}

/**
 * Grad-CAM of one class, `[H, W]` of the last feature maps, from 0 to 1: max(0, Σ_k a_k · A_k), A_k the feature maps and a_k the
 * mean of the score's gradient by A_k (Selvaraju et al. 2017, eq. 1 and 2). All 0 where nothing speaks for the class.
 */
export function gradCam({ model }: Network, x: Tensor, label: number): { rows: number[][]; peak: number } {
  let features: Tensor | undefined;
  const see: Observer = (path, _part, _x, y) => {
    // The last stage of a ResNet, which is seen after the stages before it; all convolutions of a VGG.
    if (/^(layer\d|features)$/.test(path)) features = y;
  };
  const input = x.clone();
  input.requiresGrad = true;
  const logits = observe(model, see, () => model.forward(input));
  if (!features) throw new Error("This network has no feature maps by the names that are looked for.");
  const grads = backward(sum(slice(logits, [null, [label, label + 1]])), { keep: [features] });
  const weights = mean(grads.get(features), [2, 3], { keepDim: true });
  const [, , H, W] = features.shape;
  const map = relu(sum(mul(features, weights), 1)).data;
  const peak = map.reduce((a, b) => Math.max(a, b), 0);
  const rows = Array.from({ length: H }, (_, i) =>
    Array.from(map.subarray(i * W, (i + 1) * W), (v) => v / (peak || 1)),
  );
  return { rows, peak };
}

/** Makes a network from a command line and a file of weights, or from an .onnx file. */
import { readFileSync } from "node:fs";
import { importOnnx, matchNames, type NameMatch } from "../../src/io/index.ts";
import { OnnxNetwork } from "../../src/io/onnx/import/network.ts";
import type { Module, StateDict } from "../../src/nn/index.ts";
import {
  createModel,
  HighwayNet,
  ImageNetResNet,
  isModelName,
  type ModelName,
  type ModelOptions,
  modelNames,
  type Order,
  type ShortcutKind,
  Vgg,
} from "../../src/resnet/index.ts";
import { formatShape, UsageError as LibraryUsageError, Rng, type Shape, ValueError } from "../../src/tensor/index.ts";
import { UsageError } from "../errors.ts";
import { reasonOf } from "../files.ts";
import { note } from "./weights.ts";

/** The network in an .onnx file, for any number of examples. */
export function networkIn(path: string): Module {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new UsageError(`cannot read the network ${path}: ${reasonOf(error)}`);
  }
  const network = importOnnx(bytes);
  const [batch = null] = inputOf(network) ?? [];
  return batch === null || batch === 1 ? network : importOnnx(bytes, { anyBatch: true });
}

/** The shape of an imported network's input, null where a length is free; undefined if its file does not say. */
export function inputOf(network: Module): readonly (number | null)[] | undefined {
  return network instanceof OnnxNetwork ? network.inputShape : undefined;
}

/** @throws UsageError unless a network is called `name`. */
export function checkName(name: string): asserts name is ModelName {
  if (isModelName(name)) return;
  if (/\.(pth|pt|ckpt|bin|safetensors|npz)$/i.test(name)) {
    throw new UsageError(`${name}: weights without a network: name the network, and the file with --weights`);
  }
  if (/\.onnx$/i.test(name)) {
    throw new UsageError(`${name}: only summary and classify take .onnx files, this command networks by name`);
  }
  throw new UsageError(`no network is called "${name}"; there are ${modelNames.join(", ")}`);
}

/** The shape of one example of an imported network; undefined if its file leaves a length free, or says nothing. */
export function exampleOf(network: Module): Shape | undefined {
  const [, ...example] = inputOf(network) ?? [];
  return example.length > 0 && example.every((length) => length !== null) ? example : undefined;
}

/** Options that may differ from the network in its paper. */
export interface NetworkShape {
  readonly classes?: number | null | undefined;
  /** Of the images; fully connected networks, which take any numbers, have no such option. */
  readonly inChannels?: number | null | undefined;
  readonly order?: Order | null | undefined;
  readonly shortcut?: ShortcutKind | null | undefined;
}

/** What was given of `shape`, and the network called `name` has. */
function optionsOf(name: string, shape: NetworkShape): NetworkShape {
  const given = Object.entries(shape).filter(([, value]) => value != null);
  return Object.fromEntries(given.filter(([option]) => !(option === "inChannels" && name.startsWith("highway"))));
}

/**
 * The network called `name`. Without a generator its weights are not initialised, so that a large one is made at once.
 *
 * @throws UsageError for an unknown name (it lists the known ones), or for options that this network does not have.
 */
export function networkCalled(name: string, shape: NetworkShape = {}, rng?: Rng): Module {
  checkName(name);
  const start = rng ? { rng } : { rng: new Rng(0), init: () => {} };
  try {
    return createModel(name, { ...optionsOf(name, shape), ...start } as ModelOptions<ModelName>);
  } catch (error) {
    if (error instanceof ValueError || error instanceof LibraryUsageError) throw new UsageError(error.message);
    throw error;
  }
}

/**
 * The network called `name` with these weights, and with their numbers of classes and input channels. Weights by the names
 * of another project are found out, and noted.
 */
export function networkWith(name: string, weights: StateDict, options: NetworkShape = {}): Module {
  const model = networkCalled(name, { ...shapeOf(weights), ...optionsOf(name, options) });
  try {
    load(model, weights);
  } catch (error) {
    // The first five of each list of names; the library's message has all of them.
    const lists = (error as Error).message.split("\n").map((list) => list.replace(/((?:[^,]+, ){5}).+/, "$1…"));
    throw new UsageError(`the weights are not those of ${name}: ${lists.join("\n")}`);
  }
  return model;
}

/** Loads the weights, by their own names or as those of another project. */
function load(model: Module, weights: StateDict): void {
  try {
    model.loadStateDict(weights);
  } catch (error) {
    let found: NameMatch;
    try {
      found = matchNames(weights, model);
      if (found.renamed.size === 0) throw error;
    } catch {
      throw error;
    }
    model.loadStateDict(found.state);
    note(String(found));
  }
}

/** The last matrix has a row for each class. */
function shapeOf(weights: StateDict): NetworkShape {
  const matrices = Object.values(weights).filter(({ shape }) => shape.length === 2);
  const inChannels = imageChannels(weights);
  return {
    ...(matrices.length > 0 ? { classes: matrices[matrices.length - 1].shape[0] } : {}),
    ...(inChannels === undefined ? {} : { inChannels }),
  };
}

/** Channels of the images for these weights, from the first filters; undefined if there are no filters. */
export function imageChannels(weights: StateDict): number | undefined {
  return Object.values(weights).find(({ shape }) => shape.length === 4)?.shape[1];
}

/** The network's usual images: MNIST's, ImageNet's or CIFAR-10's. */
export function usualInput(model: Module, inChannels = 3): Shape {
  if (model instanceof HighwayNet) return [1, 28, 28];
  const size = model instanceof ImageNetResNet || model instanceof Vgg ? 224 : 32;
  return [inChannels, size, size];
}

/** `3x224x224` as a shape. */
export function parseInput(text: string): Shape {
  const shape = text.split(/[x×]/).map(Number);
  if (!shape.every((length) => Number.isInteger(length) && length > 0 && length <= 65536)) {
    throw new UsageError(`--input "${text}": expected lengths with an x between them, such as 3x224x224`);
  }
  return shape;
}

/** An input's channels, if it is an image. */
export function channelsOf(shape: Shape): number | undefined {
  if (shape.length > 3) throw new UsageError(`--input is one example, without the batch: got ${formatShape(shape)}`);
  return shape.length === 3 ? shape[0] : undefined;
}

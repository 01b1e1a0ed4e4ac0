/** `npm run lab -- summary NETWORK`: what a network costs, layer by layer. */
import { type Module, summary } from "../../src/nn/index.ts";
import { type Shape, ShapeError } from "../../src/tensor/index.ts";
import { messageOf, UsageError } from "../errors.ts";
import {
  channelsOf,
  exampleOf,
  imageChannels,
  networkCalled,
  networkIn,
  networkWith,
  parseInput,
  usualInput,
} from "./network.ts";
import { readState, type WeightFlags } from "./weights.ts";

export interface SummaryRequest extends WeightFlags {
  /** A name, or a path that ends in .onnx. */
  readonly network: string;
  /** `3x32x32`; undefined: the network's usual one. */
  readonly input: string | undefined;
  readonly classes: number | undefined;
  /** A file of weights that must fit, and say how many classes and channels there are. */
  readonly weights: string | undefined;
}

export async function summarizeNetwork(request: SummaryRequest): Promise<string> {
  const { network, input, classes, weights } = request;
  const given = input === undefined ? undefined : parseInput(input);
  if (network.endsWith(".onnx")) {
    if (classes !== undefined || weights !== undefined) {
      throw new UsageError("--classes and --weights are for networks by name, not for .onnx files");
    }
    const model = networkIn(network);
    const shape = given ?? exampleOf(model);
    if (!shape) throw new UsageError(`${network}: give the shape of one example, as in --input 3x224x224`);
    return shown(model, shape);
  }
  const shape = { classes, inChannels: given && channelsOf(given) };
  const state = weights === undefined ? undefined : await readState(weights, request);
  const model = state ? networkWith(network, state, shape) : networkCalled(network, shape);
  return shown(model, given ?? usualInput(model, state && imageChannels(state)));
}

function shown(model: Module, shape: Shape): string {
  try {
    return summary(model, shape).toString();
  } catch (error) {
    if (error instanceof ShapeError) throw new UsageError(`--input ${shape.join("x")}: ${messageOf(error)}`);
    throw error;
  }
}

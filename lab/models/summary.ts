/** `npm run lab -- summary NETWORK`: what a network costs, layer by layer. */
import { summary } from "../../src/nn/index.ts";
import { ShapeError } from "../../src/tensor/index.ts";
import { messageOf, UsageError } from "../errors.ts";
import { channelsOf, imageChannels, networkCalled, networkWith, parseInput, usualInput } from "./network.ts";
import { readState, type WeightFlags } from "./weights.ts";

export interface SummaryRequest extends WeightFlags {
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
  const inChannels = given && channelsOf(given);
  const shape = {
    ...(classes === undefined ? {} : { classes }),
    ...(inChannels === undefined ? {} : { inChannels }),
  };
  const state = weights === undefined ? undefined : await readState(weights, request);
  const model = state ? networkWith(network, state, shape) : networkCalled(network, shape);
  try {
    return summary(model, given ?? usualInput(model, state && imageChannels(state))).toString();
  } catch (error) {
    if (error instanceof ShapeError) throw new UsageError(`--input ${input}: ${messageOf(error)}`);
    throw error;
  }
}

/** `npm run lab -- summary NETWORK`: what a network costs, layer by layer. */
import { summary } from "../../src/nn/index.ts";
import { ShapeError } from "../../src/tensor/index.ts";
import { messageOf, UsageError } from "../errors.ts";
import { channelsOf, networkCalled, parseInput, usualInput } from "./network.ts";

export interface SummaryRequest {
  readonly network: string;
  /** `3x32x32`; undefined: the network's usual one. */
  readonly input: string | undefined;
  readonly classes: number | undefined;
}

export function summarizeNetwork({ network, input, classes }: SummaryRequest): string {
  const given = input === undefined ? undefined : parseInput(input);
  const inChannels = given && channelsOf(given);
  const model = networkCalled(network, {
    ...(classes === undefined ? {} : { classes }),
    ...(inChannels === undefined ? {} : { inChannels }),
  });
  try {
    return summary(model, given ?? usualInput(model)).toString();
  } catch (error) {
    if (error instanceof ShapeError) throw new UsageError(`--input ${input}: ${messageOf(error)}`);
    throw error;
  }
}

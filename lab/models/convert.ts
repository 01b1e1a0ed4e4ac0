/** `npm run lab -- convert FROM TO`: weights from one format to another, and whole networks to ONNX. */
import { statSync } from "node:fs";
import { extname } from "node:path";
import type { FloatDType } from "../../src/io/index.ts";
import { exportOnnx } from "../../src/io/onnx/index.ts";
import type { StateDict } from "../../src/nn/index.ts";
import { saveWeightsFile, writeFileWhole } from "../../src/node/index.ts";
import type { Shape } from "../../src/tensor/index.ts";
import { UsageError } from "../errors.ts";
import { isDirectory, packageVersion, reasonOf } from "../files.ts";
import { grouped } from "../report/format.ts";
import { createStopper } from "../stop.ts";
import { imageChannels, networkWith, parseInput, usualInput } from "./network.ts";
import { readState, type WeightFlags } from "./weights.ts";

export interface ConvertRequest extends WeightFlags {
  readonly from: string;
  readonly to: string;
  /** Needed for ONNX, whose files also contain the network; otherwise the weights are checked against it and get its names. */
  readonly network: string | undefined;
  /** Shape of one example, for ONNX; undefined: the network's usual one. */
  readonly input: string | undefined;
  /** Whether batch norms are folded into convolutions, in ONNX. */
  readonly fold: boolean;
  readonly dtype: FloatDType;
}

export async function convert(request: ConvertRequest): Promise<string> {
  const { from, to, network } = request;
  const write = writerFor(request);
  if (isDirectory(to)) throw new UsageError(`cannot write ${to}: is a directory`);
  const state = await readState(from, request);
  const stopper = createStopper();
  // An exit removes half-written files, which a signal by itself would leave behind.
  stopper.signal.addEventListener("abort", () => process.exit(stopper.exitCode));
  try {
    await write(state);
  } catch (error) {
    if (!(error as { code?: string }).code) throw error;
    throw new UsageError(`cannot write ${to}: ${reasonOf(error)}`);
  } finally {
    stopper.release();
  }
  const bytes = `${grouped(statSync(to).size)} bytes`;
  if (extname(to).toLowerCase() === ".onnx") return `${to}: ${network}, ${bytes}`;
  const numbers = Object.values(state).reduce((sum, { size }) => sum + size, 0);
  return `${to}: ${Object.keys(state).length} tensors, ${grouped(numbers)} numbers, ${bytes}`;
}

/** How to write the file. Everything that can be checked without the weights is checked here. */
function writerFor({ to, network, input, fold, dtype }: ConvertRequest): (state: StateDict) => Promise<void> {
  const ending = extname(to).toLowerCase();
  if (ending !== ".onnx") {
    if (![".safetensors", ".pth", ".pt", ".npz"].includes(ending)) {
      throw new UsageError(`cannot tell the format of ${to}: expected .safetensors, .pth, .pt, .npz or .onnx`);
    }
    if (input !== undefined || fold) throw new UsageError(`--input and --fold are for .onnx files, not for ${ending}`);
    const metadata = ending === ".safetensors" ? { metadata: { format: "pt" } } : {};
    return async (state) => {
      // By the network's names, where they were another project's.
      const named = network === undefined ? state : networkWith(network, state).stateDict();
      await saveWeightsFile(to, named, { dtype, ...metadata });
    };
  }
  if (network === undefined) throw new UsageError("an .onnx file also contains the network: name it with --network");
  if (dtype !== "float32") throw new UsageError(`--dtype ${dtype}: networks are exported to ONNX in float32 only`);
  const given = input === undefined ? undefined : parseInput(input);
  return async (state) => {
    const model = networkWith(network, state);
    const inputShape: Shape = given ?? usualInput(model, imageChannels(state));
    const options = { inputShape, foldBatchNorm: fold, producerVersion: packageVersion() };
    await writeFileWhole(to, [exportOnnx(model, options)]);
  };
}

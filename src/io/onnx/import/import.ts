/**
 * `importOnnx`: an ONNX model (https://onnx.ai) as a network of this library.
 *
 *   read      the protocol buffer, every length checked                                protobuf.ts, model.ts, numbers.ts
 *   tidy      constants, GELU, nodes that nothing needs                                 tidy.ts
 *   state     which tensors are parameters, which are layers                            state.ts, layers.ts
 *   run       each node by operations of src/autograd; shapes as lists of numbers       network.ts, operators/, wholes.ts
 *
 * Nothing in the file is executed, and no other file is opened. ../export.ts is the way back.
 */
import type { Module } from "../../../nn/module.ts";
import { checkBoolean, checkRng } from "../../../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../../../tensor/check.ts";
import { SkipstoneError } from "../../../tensor/errors.ts";
import type { Rng } from "../../../tensor/rng.ts";
import { FormatError, quote } from "../../errors.ts";
import { adviceOn, BEGINNING } from "../../other-files.ts";
import { checkBytes, plainBytes } from "../../source.ts";
import { type Graph, readModel } from "./model.ts";
import { OnnxNetwork } from "./network.ts";
import { isFloatType } from "./numbers.ts";
import { stateOf } from "./state.ts";
import { tidy } from "./tidy.ts";

/** Options of `importOnnx`. */
export interface OnnxImportOptions {
  /** Chooses what dropout drops: needed to train a network that has dropout. */
  rng?: Rng;
  /**
   * Takes any number of examples, also where the file fixes it, as PyTorch's exporter does by default. Whether its nodes do so
   * is tried on random numbers, with one example more. Default false.
   */
  anyBatch?: boolean;
}

const OPTIONS: OptionNames<OnnxImportOptions> = { rng: true, anyBatch: true };

/**
 * The network in a .onnx file: a module that computes the same, to run, to train further, to look into and to export.
 *
 * Parameters and running statistics have their names in the file, those of PyTorch if PyTorch wrote it. The network is in
 * evaluation mode; after `train()`, batch norms use the batch's statistics and move the running ones, and dropout drops.
 *
 * @throws FormatError for a damaged file; for operators that are not covered, by name and node; for opsets before 7 and
 * after 25, tensors in other files, several inputs or outputs. UsageError for anything but bytes.
 *
 * @example
 * const bytes = exportOnnx(cifarResNet(8, { rng: new Rng(0) }), { inputShape: [3, 32, 32] });
 * const model = importOnnx(bytes);
 * model.forward(randn([2, 3, 32, 32], new Rng(1))).shape; // [2, 10]
 */
export function importOnnx(bytes: Uint8Array | ArrayBuffer, options: OnnxImportOptions = {}): Module {
  checkBytes("importOnnx", bytes);
  checkOptions("importOnnx", options, OPTIONS);
  const { rng, anyBatch = false } = options ?? {};
  if (rng !== undefined) checkRng("importOnnx", rng);
  checkBoolean("importOnnx", "anyBatch", anyBatch);
  const graph = readGraph(plainBytes(bytes));
  checkEnds(graph);
  try {
    const tidied = tidy(graph);
    const network = new OnnxNetwork(tidied, stateOf(tidied), rng);
    // Names that do not go together are found here, not by the first who asks for them.
    network.stateDict();
    network.eval();
    if (anyBatch) network.freeBatch();
    return network;
  } catch (error) {
    if (error instanceof FormatError || !(error instanceof SkipstoneError)) throw error;
    throw new FormatError(`importOnnx: ${error.message}`);
  }
}

/** How the files of PyTorch, now and before 1.6, and of NumPy begin. */
const WEIGHTS = ["PK\x03\x04", "\x80\x02", "\x93NUMPY"];

/** The file's graph. A file of another kind is called by what it is, where that can be seen. */
function readGraph(bytes: Uint8Array): Graph {
  try {
    return readModel(bytes);
  } catch (error) {
    const text = String.fromCharCode(...bytes.subarray(0, 10));
    const isWeights = WEIGHTS.some((start) => text.startsWith(start)) || text.slice(8) === '{"';
    const kind = isWeights
      ? "it holds weights without a network: loadWeights reads them"
      : adviceOn(bytes.subarray(0, BEGINNING));
    throw kind === undefined ? error : new FormatError(`importOnnx: no .onnx file: ${kind}`);
  }
}

/** The network is a function of one tensor. */
function checkEnds({ inputs, outputs }: Graph): void {
  for (const [what, ends] of [
    ["input", inputs],
    ["output", outputs],
  ] as const) {
    if (ends.length === 1) continue;
    const names = ends.slice(0, 5).map(({ name }) => quote(name));
    throw new FormatError(
      `importOnnx: the network must have one ${what}, got ${ends.length}${names.length > 0 ? `: ${names.join(", ")}` : ""}`,
    );
  }
  const [{ name, type }] = inputs;
  if (type !== 0 && !isFloatType(type)) {
    throw new FormatError(
      `importOnnx: the input ${quote(name)} must be floats, got type ${type} (TensorProto.DataType)`,
    );
  }
}

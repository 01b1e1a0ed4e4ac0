/**
 * `exportOnnx`: a network as an ONNX model, for ONNX Runtime and everything else that reads the format (https://onnx.ai).
 *
 * The export does not translate the modules but what they do: the network runs on an example, and the recorded graph is
 * written down. Any module can be exported whose `forward` consists of operations from src/autograd.
 *
 *   trace       run the network, note every operation that the output depends on               trace.ts
 *   translate   each operation into operators of ONNX                                           operators/
 *   compare     again, for another input: what differs follows the input's shape, or is an error  batch.ts
 *   encode      as a protocol buffer                                                            encode.ts
 */
import { inEvaluation } from "../../nn/evaluation.ts";
import { checkModule, type Module } from "../../nn/module.ts";
import { checkBoolean, checkFunction, checkObject, checkText } from "../../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../../tensor/check.ts";
import { checkTensor } from "../../tensor/check-tensor.ts";
import { ShapeError, UsageError, ValueError } from "../../tensor/errors.ts";
import { Rng } from "../../tensor/rng.ts";
import { formatShape, type Shape } from "../../tensor/shape.ts";
import { asStep } from "../../tensor/step.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { commonGraph, type Sample } from "./batch.ts";
import { encodeModel, IR_VERSIONS } from "./encode.ts";
import { OnnxExportError } from "./errors.ts";
import { foldBatchNorms } from "./fold.ts";
import type { OnnxGraph } from "./graph.ts";
import { exporters, notExported } from "./operators/index.ts";
import { trace } from "./trace.ts";
import { translate } from "./translate.ts";
import type { OnnxOperator } from "./writer.ts";

/** Options of `exportOnnx`. */
export interface OnnxExportOptions {
  /** Shape of one example, without the batch axis: `[C, H, W]` for an image. Give this or an `example`. */
  inputShape?: Shape;
  /** A whole input `[N, …]`, batch axis included. Only its shape counts. */
  example?: Tensor;
  /**
   * Whether the network takes batches of every size; the first axis of its input is then called "batch". Otherwise it
   * takes exactly the example's shape, or a batch of one. Default true.
   */
  dynamicBatch?: boolean;
  /**
   * Whether the network takes images of every height and width, which are then called so. It must take those of the
   * example's size, and of 32 or 33 pixels more. Default false.
   */
  dynamicSize?: boolean;
  /** Version of the operator set, from 17 to 25: more programs read an older one. Default 17. */
  opset?: number;
  /** Whether to fold batch norms into the convolutions before them. The network itself keeps them. Default false. */
  foldBatchNorm?: boolean;
  /** Default "input". */
  inputName?: string;
  /** Default "output". */
  outputName?: string;
  /** The graph's name. Default: the network's class. */
  name?: string;
  /** Version of the producer "skipstone", or of the program that trained the network. Default: not written. */
  producerVersion?: string;
  /**
   * How operations of your own are written down, by their names:
   * `{ "mine.signs": (graph, { inputs }) => graph.node("Sign", inputs) }`.
   */
  operators?: Readonly<Record<string, OnnxOperator>>;
}

const OPTIONS: OptionNames<OnnxExportOptions> = {
  inputShape: true,
  example: true,
  dynamicBatch: true,
  dynamicSize: true,
  opset: true,
  foldBatchNorm: true,
  inputName: true,
  outputName: true,
  name: true,
  producerVersion: true,
  operators: true,
};

/** The two batch sizes used to trace a network for every batch: the smallest, and one that is not its double. */
const BATCHES = [1, 3] as const;

/** How many pixels higher or wider another image is: an odd number, or one that networks with several scales take. */
const MORE_PIXELS = [33, 32] as const;

/**
 * The bytes of a .onnx file that computes the same as `model` in evaluation mode. The model is not changed, and the
 * same model gives the same bytes.
 *
 * Weights have their names in `model.stateDict()`; other values begin with the path of the module that computes them.
 *
 * @throws OnnxExportError for anything that cannot be exported: an operation without a counterpart (dropout that is
 * always on, losses, an operation of your own that is not among `operators`), numbers taken from the input (an index found
 * by `argmax`, a division by the batch size), a file of more than 2 GiB. ShapeError if the model does not take the input;
 * ValueError for options that make no sense; UsageError for anything but a model, for one with several inputs or outputs,
 * and for options of another kind or name.
 *
 * @example
 * const model = cifarResNet(20, { rng: new Rng(0) });
 * const bytes = exportOnnx(model, { inputShape: [3, 32, 32], foldBatchNorm: true });
 */
export function exportOnnx(model: Module, options: OnnxExportOptions): Uint8Array {
  checkModule("exportOnnx", model);
  checkKinds(options);
  const { opset = 17, foldBatchNorm = false, dynamicBatch = true, dynamicSize = false, operators = {} } = options ?? {};
  const { inputName = "input", outputName = "output", name = model.constructor.name, producerVersion } = options ?? {};
  if (typeof opset !== "number" || !Object.hasOwn(IR_VERSIONS, opset)) {
    const known = Object.keys(IR_VERSIONS);
    throw new ValueError(
      `exportOnnx: opset must be a whole number from ${known[0]} to ${known.at(-1)}, got ${describe(opset)}`,
    );
  }
  checkNames(model, { inputName, outputName });
  const shape = exampleShape(options);
  if (dynamicBatch && shape.length === 0) {
    throw new ValueError("exportOnnx: an example of shape [] has no batch axis: export it with dynamicBatch: false");
  }

  if (dynamicSize && shape.length !== 4) {
    throw new ValueError(
      `exportOnnx: with dynamicSize the network's inputs must be images [C, H, W], got ${formatShape(shape.slice(1))}`,
    );
  }
  const graphOf = (input: Shape, seed: number): OnnxGraph =>
    inEvaluation(model, () =>
      // A step: each forward pass is recycled before the next. The graph has copies of what it needs.
      asStep(() => {
        const names = { name, inputName, outputName };
        return translate(model, trace(model, input, new Rng(seed)), { ...names, opset, dynamicSize, operators });
      }),
    );
  const first = dynamicBatch ? [BATCHES[0], ...shape.slice(1)] : shape;
  const changed = (axis: number, to: number): Sample => ({
    graph: graphOf(
      first.map((length, i) => (i === axis ? to : length)),
      1 + axis,
    ),
    change: { axis, from: first[axis], to },
  });
  const graph = commonGraph(graphOf(first, 0), [
    dynamicBatch ? changed(0, BATCHES[1]) : { graph: graphOf(first, 1), change: null },
    ...(dynamicSize ? [2, 3].map((axis) => withMorePixels((more) => changed(axis, first[axis] + more))) : []),
  ]);
  return encodeModel(foldBatchNorm ? foldBatchNorms(graph) : graph, { opset, producerVersion });
}

/** The first of the larger images that the network takes. */
function withMorePixels(sample: (more: number) => Sample): Sample {
  const [odd, even] = MORE_PIXELS;
  try {
    return sample(odd);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
  }
  try {
    return sample(even);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new OnnxExportError(`${error.message.replace(/^exportOnnx: /, "")}: export it without dynamicSize`);
  }
}

function checkKinds(options: OnnxExportOptions): void {
  checkOptions("exportOnnx", options, OPTIONS);
  const given = options ?? {};
  for (const name of ["dynamicBatch", "dynamicSize", "foldBatchNorm"] as const) {
    if (given[name] !== undefined) checkBoolean("exportOnnx", name, given[name]);
  }
  for (const name of ["inputName", "outputName", "name", "producerVersion"] as const) {
    if (given[name] !== undefined) checkText("exportOnnx", name, given[name]);
  }
  checkOperators(given.operators);
  const { example, inputShape } = given;
  if (example !== undefined) checkTensor("exportOnnx", "example", example);
  if (inputShape === undefined) return;
  if (!Array.isArray(inputShape) || !inputShape.every((length) => Number.isInteger(length) && length > 0)) {
    const what = Array.isArray(inputShape) ? `[${inputShape.map(describe).join(",")}]` : describe(inputShape);
    throw new UsageError(`exportOnnx: inputShape must be whole numbers above 0, as in [3, 32, 32], got ${what}`);
  }
}

function checkOperators(operators: unknown): void {
  if (operators === undefined) return;
  checkObject("exportOnnx", "operators", operators);
  for (const [name, operator] of Object.entries(operators)) {
    checkFunction("exportOnnx", `operators["${name}"]`, operator, "a function that writes nodes");
    if (!Object.hasOwn(exporters, name) && !Object.hasOwn(notExported, name)) continue;
    throw new ValueError(
      `exportOnnx: operators must be for operations of your own, got "${name}", one of the library's`,
    );
  }
}

function exampleShape({ inputShape, example }: OnnxExportOptions = {}): Shape {
  if ((inputShape === undefined) === (example === undefined)) {
    throw new ValueError("exportOnnx: give inputShape, the shape of one example, or an example, but not both");
  }
  return example ? example.shape : [1, ...inputShape!];
}

function checkNames(model: Module, names: { inputName: string; outputName: string }): void {
  const taken = model.stateDict();
  for (const [option, name] of Object.entries(names)) {
    if (name === "" || Object.hasOwn(taken, name)) {
      throw new ValueError(`exportOnnx: ${option} must not be empty or the name of a parameter, got "${name}"`);
    }
  }
  if (names.inputName === names.outputName) {
    throw new ValueError(`exportOnnx: inputName and outputName are both "${names.inputName}"`);
  }
}

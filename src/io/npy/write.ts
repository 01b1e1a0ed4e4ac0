/** Writes NumPy's `.npy` and `.npz` files (format.ts describes them). */
import { checkOptions } from "../../tensor/check.ts";
import { ValueError } from "../../tensor/errors.ts";
import { quote } from "../errors.ts";
import {
  joinChunks,
  type OutgoingTensor,
  outgoingTensors,
  type StateToWrite,
  type TensorToWrite,
  WRITE_OPTIONS,
  type WriteOptions,
} from "../writing.ts";
import { zipChunks } from "../zip/write.ts";
import { npyHeader, npyTypes } from "./format.ts";

/**
 * An `.npy` file of one tensor: `numpy.load("x.npy")`. `readWeights` calls it `arr_0`, as NumPy does.
 *
 * @example
 * const bytes = writeNpy(tensor([[1, 2], [3, 4]]), { dtype: "float64" });
 * readWeights(bytes).tensor("arr_0"); // [[1, 2], [3, 4]]
 *
 * @throws ValueError for bfloat16 and 8-bit floats, which NumPy does not have.
 */
export function writeNpy(array: TensorToWrite, options: WriteOptions = {}): Uint8Array {
  checkOptions("writeNpy", options, WRITE_OPTIONS);
  const [outgoing] = outgoingTensors("writeNpy", { array }, options);
  return npyFile("writeNpy", outgoing);
}

/**
 * An `.npz` file of tensors by name: `numpy.load("weights.npz")["fc.weight"]`.
 *
 * @example
 * const file = writeNpz({ weight: tensor([[1, 2]]), bias: tensor([3]) });
 * readWeights(file).tensor("bias"); // [3]
 *
 * @throws ValueError for bfloat16 and 8-bit floats, which NumPy does not have, and above 4 GiB.
 */
export function writeNpz(state: StateToWrite, options: WriteOptions = {}): Uint8Array {
  return joinChunks(npzChunksFor("writeNpz", state, options));
}

/** The pieces of an `.npz`, for the function `op`. Errors in the state are found before the first piece. */
export function npzChunksFor(op: string, state: StateToWrite, options: WriteOptions): Generator<Uint8Array> {
  checkOptions(op, options, WRITE_OPTIONS);
  const tensors = outgoingTensors(op, state, options);
  for (const tensor of tensors) headerOf(op, tensor);
  return zipChunks(
    (function* () {
      for (const tensor of tensors) yield { name: `${tensor.name}.npy`, bytes: npyFile(op, tensor) };
    })(),
  );
}

function npyFile(op: string, tensor: OutgoingTensor): Uint8Array {
  return joinChunks([headerOf(op, tensor), tensor.encode()]);
}

function headerOf(op: string, { name, dtype, shape }: OutgoingTensor): Uint8Array {
  const header = npyHeader(dtype, shape);
  if (header) return header;
  throw new ValueError(
    `${op}: ${quote(name)}: NumPy has no ${dtype}, only ${Object.keys(npyTypes).join(", ")}: choose one with dtype`,
  );
}
